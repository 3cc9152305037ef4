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
    case "show":
      return await (await import("./show_command.ts")).showCommand(args);
    case "query": {
      const { root } = await import("./project.ts");
      return await (await import("./query_command.ts")).queryCommand(args, {
        root,
        out: (text) => console.log(text),
        error: (line) => console.error(line),
        input: () => new Response(Deno.stdin.readable).text(),
      });
    }
    case "diff":
      return await (await import("./diff_command.ts")).diffCommand(args);
    case "export":
      return await (await import("./export_command.ts")).exportCommand(args);
    case "report":
      return await (await import("./report_command.ts")).reportCommand(args);
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
