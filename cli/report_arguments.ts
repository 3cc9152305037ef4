/** What `report` may be told. */

import { object, or } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { multiple, optional } from "@optique/core/modifiers";
import { argument, command, constant, option } from "@optique/core/primitives";
import { string } from "@optique/core/valueparser";
import { examples } from "./options.ts";

/** The command `report`. */
export const report = command(
  "report",
  object({
    action: constant("report"),
    files: multiple(argument(string({ metavar: "REPORT" }), {
      description: message`Markdown files; ROADMAP.md and all others with directives when left out.`,
    })),
    check: option("--check", {
      description: message`Write nothing; exit 1 when a file is not what the recorded evidence says.`,
    }),
    forget: multiple(option("--forget", string({ metavar: "RUN" }), {
      description:
        message`Take a recorded run out of reports/evidence first, because a newer one replaces it: its id, or the beginning of it.`,
    })),
    watch: option("--watch", {
      description:
        message`Stay, and do it again whenever a report or the evidence changes; with --record, whenever a run ends.`,
    }),
    record: optional(or(
      option("--record", string({ metavar: "RUN" }), {
        description:
          message`Copy runs into reports/evidence first: "latest" (when left out), "all", or the id of a run.`,
      }),
    )),
  }),
  {
    brief: message`Regenerate the tables, values, gates and pictures of the Markdown reports.`,
    footer: examples(
      ["deno task report", "regenerate"],
      ["deno task report --record", "take the last runs into the evidence, then regenerate"],
      ["deno task report --record --watch", "keep the reports up to date while experiments run"],
      ["deno task report --check", "for CI"],
    ),
  },
);

/** What `report` was told. */
export interface ReportArguments {
  /** Which command. */
  readonly action: "report";
  /** The Markdown files; empty for all. */
  readonly files: readonly string[];
  /** Write nothing. */
  readonly check: boolean;
  /** Which runs to take out of the evidence first. */
  readonly forget: readonly string[];
  /** Stay and do it again at each change. */
  readonly watch: boolean;
  /** Which runs to take into the evidence first. */
  readonly record: string | undefined;
}
