/**
 * `deno task report --watch`: regenerates the reports whenever something that they are made of changes.
 *
 * @module
 */
import { join, relative, sep } from "node:path";
import { type ReportArguments, reportCommand, type ReportOutput, terminal } from "./command.ts";
import { evidenceFolder } from "./evidence.ts";

/** Folders that hold reports and what they are made of; the root itself is watched without what lies below it. */
const folders = ["docs", "dashboards", evidenceFolder, "runs"];

/** True when a change of the file may change a report: a Markdown file, recorded evidence, the end of a run. */
export function matters(path: string): boolean {
  return /^(?:(?:docs|dashboards)\/.*\.md|[^/]+\.md|reports\/evidence\/[^/]+\.csv|runs\/.*\/summary\.json)$/.test(path);
}

/**
 * Renders once, and again after each batch of changes that matter; ends when the changes do.
 *
 * @param changes paths relative to the root, with `/`
 * @returns the exit code of the last rendering
 */
export async function watchReports(
  args: ReportArguments,
  changes: AsyncIterable<readonly string[]>,
  output: ReportOutput = terminal,
): Promise<number> {
  let code = await reportCommand(args, output);
  for await (const paths of changes) {
    const found = paths.filter(matters);
    if (found.length === 0) continue;
    output.out(`${found[0]}${found.length > 1 ? ` and ${found.length - 1} more` : ""} changed`);
    code = await reportCommand(args, output);
  }
  return code;
}

/**
 * What changes below a root from now on, in batches: a pause of `quietMs` ends a batch, since editors and runs write several
 * files at once. What is written while a batch is handled comes with the next one.
 *
 * Needs read permission on the root. The batches never end by themselves; leaving them ends the watching.
 */
export async function changesBelow(root: string, quietMs = 300): Promise<AsyncGenerator<readonly string[]>> {
  const watched: string[] = [];
  for (const folder of folders) {
    const path = join(root, folder);
    const { isDirectory } = await Deno.stat(path).catch(() => ({ isDirectory: false }));
    if (isDirectory) watched.push(path);
  }
  const watchers = [Deno.watchFs(root, { recursive: false })];
  if (watched.length > 0) watchers.push(Deno.watchFs(watched, { recursive: true }));
  const pending = new Set<string>();
  let wake = () => {};
  for (const watcher of watchers) {
    void (async () => {
      for await (const { kind, paths } of watcher) {
        if (kind === "access") continue;
        for (const path of paths) pending.add(relative(root, path).split(sep).join("/"));
        wake();
      }
    })();
  }
  async function* batches() {
    try {
      for (;;) {
        if (pending.size === 0) await new Promise<void>((resolve) => wake = resolve);
        for (let before = -1; before !== pending.size;) {
          before = pending.size;
          await new Promise((resolve) => setTimeout(resolve, quietMs));
        }
        const batch = [...pending].sort();
        pending.clear();
        yield batch;
      }
    } finally {
      for (const watcher of watchers) watcher.close();
    }
  }
  return batches();
}
