/** Stillroom's command line. Commands are loaded when they are called, so that help is quick. */

import { message } from "@optique/core/message";
import { run } from "@optique/run";
import { type Arguments, commands } from "./arguments.ts";

/** Runs a command and returns the exit code. */
async function dispatch(args: Arguments): Promise<number> {
  switch (args.action) {
    case "run":
      return await (await import("./run_command.ts")).runCommand(args);
    case "explain":
      return await (await import("./explain_command.ts")).explainCommand(args);
    case "list":
      return await (await import("./list_command.ts")).listCommand(args);
    case "doctor":
      return await (await import("./doctor_command.ts")).doctorCommand();
    case "report": {
      const { root } = await import("./project.ts");
      const { reportCommand } = await import("../reports/command.ts");
      return await reportCommand({
        root,
        check: args.check,
        files: args.files,
        ...(args.record === undefined ? {} : { record: args.record }),
      });
    }
  }
}

if (import.meta.main) {
  const args = run(commands, {
    programName: "stillroom",
    args: Deno.args,
    help: "both",
    completion: "command",
    showDefault: true,
    errorExitCode: 2,
    brief: message`A scriptable experiment runner for neural-scene research on WebGPU.`,
    footer: message`Each command has its own help: stillroom run --help`,
  });
  let code: number;
  try {
    code = await dispatch(args);
  } catch (error) {
    const { describeFailure } = await import("./failure.ts");
    const failure = describeFailure(error);
    console.error(failure.text);
    code = failure.code;
  }
  Deno.exit(code);
}
