/** Stillroom's command line. Commands are loaded when they are called, so that help is quick. */

import { type Arguments, readArguments } from "./arguments.ts";

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
    case "render":
      return await (await import("./render_command.ts")).renderCommand(args);
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
  const args = readArguments(Deno.args);
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
