/** Reads the words of the command line; its help teaches, and its errors name what was nearest. */

import { group, or } from "@optique/core/constructs";
import { runParser } from "@optique/core/facade";
import { message, text } from "@optique/core/message";
import type { InferValue } from "@optique/core/parser";
import { type CommandParser, COMMANDS } from "./commands.ts";
import { ABOUT } from "./overview.ts";

/** Columns below which lines are left to the terminal to break: some words of the help are longer. */
const NARROW = 60;

/** Reads the words of a command, its name among them. Help and errors are printed here, and end the process with 0 and 2. */
export function readArguments<P extends CommandParser>(parser: P, words: readonly string[]): InferValue<P> {
  const terminal = Deno.stdout.isTerminal() && Deno.stderr.isTerminal();
  const columns = terminal ? Deno.consoleSize().columns : 0;
  return runParser(parser, "deno task", fillRecord(words), {
    help: { option: true, onShow: () => Deno.exit(0) },
    onError: () => Deno.exit(2),
    stdout: (line) => console.log(line),
    stderr: (line) => console.error(line),
    colors: terminal && !Deno.noColor,
    ...(columns >= NARROW ? { maxWidth: columns } : {}),
    aboveError: "usage",
    showDefault: { prefix: " (default ", suffix: ")" },
    brief: [text(ABOUT)],
    footer: message`Each command has its own help: deno task run --help`,
  });
}

/** Says what is wrong with words that begin with no command, or are none; ends the process with 2. */
export async function refuseWords(words: readonly string[]): Promise<never> {
  const parsers = await Promise.all(Object.values(COMMANDS).map((command) => command.parser()));
  readArguments(group("Commands", or(...parsers)), words);
  throw new Error(`Words that begin with no command were read as one: ${words.join(" ")}`);
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
