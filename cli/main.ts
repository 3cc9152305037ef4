/** Stillroom's command line. What a command needs is loaded when it is called, so that help is quick. */

import { COMMANDS, load } from "./commands.ts";
import { overview } from "./overview.ts";

/** Runs the command that the words name and returns the exit code. */
async function dispatch(words: readonly string[]): Promise<number> {
  const [name = ""] = words;
  if (name === "--help") {
    console.log(overview());
    return 0;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  const { readArguments, refuseWords } = await load<typeof import("./arguments.ts")>("./arguments.ts");
  return command ? await command.run((parser) => readArguments(parser, words)) : await refuseWords(words);
}

if (import.meta.main) {
  let code: number;
  try {
    code = await dispatch(Deno.args);
  } catch (error) {
    const { describeFailure } = await load<typeof import("./failure.ts")>("./failure.ts");
    const failure = describeFailure(error);
    console.error(failure.text);
    code = failure.code;
  }
  Deno.exit(code);
}
