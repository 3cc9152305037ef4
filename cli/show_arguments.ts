/** What `show` may be told. */

import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { optional } from "@optique/core/modifiers";
import { argument, command, constant, option } from "@optique/core/primitives";
import { string } from "@optique/core/valueparser";
import { examples, type FolderArguments, folders } from "./options.ts";

/** The command `show`. */
export const show = command(
  "show",
  object({
    action: constant("show"),
    run: optional(argument(string({ metavar: "RUN" }), {
      description:
        message`A run's folder, its id or the beginning of it, or the name of an experiment for its newest run; the newest of all runs when left out.`,
    })),
    all: option("--all", { description: message`Every seed's key, every parameter in a line of its own, every file.` }),
    json: option("--json", { description: message`Print one JSON object instead.` }),
    ...folders,
  }),
  {
    brief: message`Show all that is known of a run: how it ended, parameters, metrics, gates, findings, files.`,
    description:
      message`Shows a run that has ended, goes on or was killed: where it came from, its parameters with those that are not at their defaults, its nodes with what was cached, how far a training is, metrics, gates, findings with what to try, pictures, and the commands to go on with. Exit code 0, or 2 when there is no such run.`,
    footer: examples(
      ["deno task show", "the newest run: what it did, or how far it is"],
      ["deno task show quickstart", "the newest run of quickstart"],
      ["deno task show 01M7Z27R8T", "a run by the beginning of its id"],
      ["deno task show stage1b --json | jq .metrics", "for a script"],
    ),
  },
);

/** What `show` was told. */
export interface ShowArguments extends FolderArguments {
  /** Which command. */
  readonly action: "show";
  /** The run; undefined for the newest one. */
  readonly run: string | undefined;
  /** Leave nothing out. */
  readonly all: boolean;
  /** Print one JSON object. */
  readonly json: boolean;
}
