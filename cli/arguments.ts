/** The command line: all commands, and the help that teaches them. */

import { group, or } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { run as runParser } from "@optique/run";
import { diff, type DiffArguments } from "./diff_arguments.ts";
import { doctor } from "./doctor_arguments.ts";
import { type ExportArguments, exportPage } from "./export_arguments.ts";
import { list, type ListArguments } from "./list_arguments.ts";
import { query, type QueryArguments } from "./query_arguments.ts";
import { render, type RenderArguments } from "./render_arguments.ts";
import { report, type ReportArguments } from "./report_arguments.ts";
import { explain, type ExplainArguments, run, type RunArguments } from "./run_arguments.ts";
import { show, type ShowArguments } from "./show_arguments.ts";

const commands = group("Commands", or(run, explain, list, doctor, render, report, query, show, diff, exportPage));

/** What was said. */
export type Arguments =
  | ShowArguments
  | DiffArguments
  | ExportArguments
  | RunArguments
  | ExplainArguments
  | ListArguments
  | ReportArguments
  | QueryArguments
  | RenderArguments
  | {
    /** Which command. */
    readonly action: "doctor";
  };

/** Reads the command line. Help and errors are printed here, and end the process with 0 and 2. */
export function readArguments(words: readonly string[]): Arguments {
  return runParser(commands, {
    programName: "deno task",
    args: fillRecord(words),
    help: "option",
    showDefault: { prefix: " (default ", suffix: ")" },
    errorExitCode: 2,
    brief: message`A scriptable experiment runner for neural-scene research on WebGPU.`,
    footer: message`Each command has its own help: deno task run --help`,
  });
}

/** `report --record` alone means the newest runs; the parser knows no option whose value may be left out. */
function fillRecord(words: readonly string[]): string[] {
  const at = words.indexOf("--record");
  const next = words[at + 1];
  if (words[0] !== "report" || at < 0 || (next !== undefined && !next.startsWith("-") && !next.endsWith(".md"))) {
    return [...words];
  }
  return [...words.slice(0, at + 1), "latest", ...words.slice(at + 1)];
}
