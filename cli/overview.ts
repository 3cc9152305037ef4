/** What `--help` says when no command is named: printed without the parsers, and therefore at once. */

import { type Command, COMMANDS } from "./commands.ts";

/** What Stillroom is, in one line. */
export const ABOUT = "A scriptable experiment runner for neural-scene research on WebGPU.";

/** The overview of all commands. */
export function overview(commands: Readonly<Record<string, Command>> = COMMANDS): string {
  const width = Math.max(...Object.keys(commands).map((name) => name.length));
  const lines = Object.entries(commands).map(([name, { brief }]) => `  ${name.padEnd(width)}  ${brief}`);
  return [
    ABOUT,
    "Usage: deno task COMMAND [WORD...]",
    "",
    "Commands:",
    ...lines,
    "",
    "Each command has its own help, with all its options and examples: deno task run --help",
  ].join("\n");
}
