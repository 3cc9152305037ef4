/** What `list` may be told. */

import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { command, constant, option } from "@optique/core/primitives";
import { examples, type FolderArguments, folders } from "./options.ts";

/** The command `list`. */
export const list = command(
  "list",
  object({
    action: constant("list"),
    ...folders,
    all: option("--all", { description: message`All runs, not just the last ten.` }),
  }),
  {
    brief: message`List the experiments with their presets, and the last runs with their status.`,
    footer: examples(["deno task list", "experiments and runs"]),
  },
);

/** What `list` was told. */
export interface ListArguments extends FolderArguments {
  /** Which command. */
  readonly action: "list";
  /** All runs, not just the last ones. */
  readonly all: boolean;
}
