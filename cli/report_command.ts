/** `report`: the reports' command, with what only the command line knows: whether recorded results are stale. */

import { UsageError } from "../runner/errors.ts";
import { reportCommand as render } from "../reports/command.ts";
import type { Warn } from "../reports/store.ts";
import type { Tables } from "../reports/tables.ts";
import type { ReportArguments } from "./report_arguments.ts";
import { foldersOf, root } from "./project.ts";

/** Runs the command; returns the exit code. */
export async function reportCommand(args: ReportArguments): Promise<number> {
  if (args.watch && args.check) throw new UsageError("Give either --watch or --check: a check looks once");
  const { cache } = foldersOf({});
  const settings = {
    root,
    check: args.check,
    files: args.files,
    forget: args.forget,
    ...(args.record === undefined ? {} : { record: args.record }),
    findStale: async (evidence: Tables, warn: Warn) =>
      await (await import("./staleness.ts")).findStale(evidence, { root, cache, warn }),
  };
  if (!args.watch) return await render(settings);
  const { changesBelow, watchReports } = await import("../reports/watch.ts");
  return await watchReports(settings, await changesBelow(root));
}
