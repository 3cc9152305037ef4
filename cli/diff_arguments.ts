/** What `diff` may be told. */

import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { optional } from "@optique/core/modifiers";
import { argument, command, constant, option } from "@optique/core/primitives";
import { string } from "@optique/core/valueparser";
import { examples, type FolderArguments, folders } from "./options.ts";

/** The command `diff`. */
export const diff = command(
  "diff",
  object({
    action: constant("diff"),
    first: argument(string({ metavar: "RUN" }), {
      description:
        message`The run to compare with: a run's folder, its id or the beginning of it, or the name of an experiment for its newest run.`,
    }),
    second: optional(argument(string({ metavar: "RUN" }), {
      description:
        message`The run that is compared. When left out, RUN is compared with the run before it of the same experiment, preset and scene.`,
    })),
    out: optional(option("--out", string({ metavar: "FILE" }), {
      description:
        message`Where the picture with both runs goes; renders/diff_ID.png in the folder of the run that is compared when left out.`,
    })),
    noPicture: option("--no-picture", { description: message`Draw no picture: nothing is written.` }),
    all: option("--all", { description: message`Metrics that are equal too, and every file of code that differs.` }),
    json: option("--json", { description: message`Print one JSON object instead.` }),
    ...folders,
  }),
  {
    brief: message`Compare two runs: parameters, code, metrics, gates, views, findings, pictures.`,
    description:
      message`Says what two runs differ in, from their causes (parameters, code, data, device) to what came of them. Differences are the second run minus the first. With several seeds a difference is beyond the spread when the intervals of mean ± spread do not meet. Exit code 0 whether or not they differ; 2 when there is no such run.`,
    footer: examples(
      ["deno task diff quickstart", "its newest run against the one before"],
      ["deno task diff 01M7YRA2ST 01M7Z27R8T", "two runs by the beginning of their ids"],
      ["deno task diff stage1a stage1b --out both.png", "the newest runs of two experiments"],
      ["deno task diff stage1a stage1b --json | jq '.metrics[] | select(.difference)'", "for a script"],
    ),
  },
);

/** What `diff` was told. */
export interface DiffArguments extends FolderArguments {
  /** Which command. */
  readonly action: "diff";
  /** The run to compare with, or the only one. */
  readonly first: string;
  /** The run that is compared. */
  readonly second: string | undefined;
  /** Where the picture goes. */
  readonly out: string | undefined;
  /** Draw none. */
  readonly noPicture: boolean;
  /** Leave nothing out. */
  readonly all: boolean;
  /** Print one JSON object. */
  readonly json: boolean;
}
