/** What `trial` may be told. */

import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { argument, command, constant, option } from "@optique/core/primitives";
import { integer, string } from "@optique/core/valueparser";
import { examples } from "./options.ts";

/** The command `trial`. */
export const trial = command(
  "trial",
  object({
    action: constant("trial"),
    folder: argument(string({ metavar: "FOLDER" }), { description: message`The sweep's folder below sweep-runs.` }),
    point: argument(integer({ min: 0, metavar: "POINT" }), {
      description: message`Number of the point in points.csv.`,
    }),
    leash: option("--leash", {
      description: message`Stop after a checkpoint when standard input ends: whoever started this is gone.`,
    }),
  }),
  {
    brief: message`Run one point of a sweep.`,
    description:
      message`What a sweep starts for each of its points, here or on a cluster. Running a point again is harmless: when its result is there, nothing is done. TERM and USR2 stop it after a checkpoint. Exit code 0: the result is there, whatever it is; 130: stopped, run it again to go on.`,
    footer: examples(["deno task trial sweep-runs/depth_weight-0f3a9c21bd 7", "point 7 of that sweep"]),
  },
);

/** What `trial` was told. */
export interface TrialArguments {
  /** Which command. */
  readonly action: "trial";
  /** The sweep's folder. */
  readonly folder: string;
  /** Number of the point. */
  readonly point: number;
  /** Stop when standard input ends. */
  readonly leash: boolean;
}
