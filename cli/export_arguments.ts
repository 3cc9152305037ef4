/** What `export` may be told. */

import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { multiple, optional, withDefault } from "@optique/core/modifiers";
import { argument, command, constant, option } from "@optique/core/primitives";
import { string } from "@optique/core/valueparser";
import { examples, type FolderArguments, folders } from "./options.ts";

/** The command `export`. */
export const exportPage = command(
  "export",
  object({
    action: constant("export"),
    report: optional(argument(string({ metavar: "REPORT.md" }), {
      description: message`A Markdown file of the project; ROADMAP.md when neither a report nor a run is named.`,
    })),
    runs: multiple(option("--run", string({ metavar: "RUN" }), {
      description:
        message`A run: its folder, its id or the beginning of it, or the name of an experiment for its newest run. May be given several times; they are compared in one table.`,
    })),
    out: withDefault(
      option("--out", string({ metavar: "FILE" }), { description: message`Where the page goes.` }),
      "report.html",
      { message: message`report.html` },
    ),
    base: optional(option("--base", string({ metavar: "URL" }), {
      description:
        message`Where the project's files can be seen, such as https://github.com/you/stillroom/blob/main/. Links to them lead there; without it they are plain text.`,
    })),
    ...folders,
  }),
  {
    brief: message`Make one self-contained HTML page of a report or of runs.`,
    description:
      message`Writes one HTML file that needs nothing else: pictures, charts and style are inside, no script, no request leaves it. It can be sent by mail, kept for years and printed. The same input gives the same bytes. A page of runs holds their metrics, gates, findings, training curves, scores of each view, parameters and pictures. Exit code 0: the page is written; 2: a report or run is missing.`,
    footer: examples(
      ["deno task export", "ROADMAP.md as report.html"],
      ["deno task export docs/experiments.md --out experiments.html", "another page of the project"],
      ["deno task export --run stage1a --run stage1b --out students.html", "two runs side by side"],
      ["deno task export --base https://github.com/you/stillroom/blob/main/", "with links into a repository"],
    ),
  },
);

/** What `export` was told. */
export interface ExportArguments extends FolderArguments {
  /** Which command. */
  readonly action: "export";
  /** The Markdown file. */
  readonly report: string | undefined;
  /** The runs. */
  readonly runs: readonly string[];
  /** Where the page goes. */
  readonly out: string;
  /** Where the project's files can be seen. */
  readonly base: string | undefined;
}
