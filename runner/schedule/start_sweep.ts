/** Starts a sweep as a process, with the permissions of the project's task `sweep`. */

import { readFile } from "node:fs/promises";
import { isPlainObject } from "../json.ts";
import { startChild } from "../launch/child.ts";
import type { StartSweep } from "./scheduler.ts";

/** Where sweeps are started. */
export interface ProcessOptions {
  /** The project's folder, absolute: the working directory. */
  readonly root: string;
  /** Where what they print goes, absolute: `<name>-<start in UTC>.log`. */
  readonly logs: string;
  /** What is handed to `deno`; the sweep file follows. */
  readonly args: readonly string[];
}

/**
 * A starter of processes. The first stop is TERM, once; kill is KILL. They have a session of their own, since Ctrl-C in a terminal
 * would reach them a second time.
 *
 * Needs `--allow-run=deno`, `--allow-env`, and `--allow-write` for the logs.
 */
export function processStarter({ root, logs, args }: ProcessOptions): StartSweep {
  return async (file, { name, started, stop, kill }) => {
    const log = `${logs}/${name}-${started.toISOString().replace(/\.\d+|[-:]/g, "")}.log`;
    const child = startChild("deno", [...args, "--leash", file], {
      cwd: root,
      env: { NO_COLOR: "1" },
      log,
      detached: true,
    });
    const removeStop = onceRaised(stop, () => child.kill("SIGTERM"));
    const removeKill = onceRaised(kill, () => child.kill("SIGKILL"));
    try {
      return { code: (await child.status).code };
    } finally {
      removeStop();
      removeKill();
    }
  };
}

/**
 * What to hand to `deno` to run a sweep: the words of the task `sweep` of the project's `deno.json`, so that it gets the same
 * permissions. A task that is more than one plain `deno run` is run as a task.
 */
export async function sweepArguments(root: string): Promise<string[]> {
  for (const name of ["deno.json", "deno.jsonc"]) {
    try {
      const settings: unknown = JSON.parse(await readFile(`${root}/${name}`, "utf8"));
      const tasks = isPlainObject(settings) ? settings.tasks : undefined;
      const task = isPlainObject(tasks) ? tasks.sweep : undefined;
      const command = isPlainObject(task) ? task.command : task;
      if (typeof command === "string" && /^deno run [\w\s./:@=,^~-]+$/.test(command)) {
        return command.trim().split(/\s+/).slice(1);
      }
    } catch { /* missing, or with comments: Deno itself shall read it */ }
  }
  return ["task", "--quiet", "sweep"];
}

function onceRaised(signal: AbortSignal, act: () => void): () => void {
  if (signal.aborted) act();
  else signal.addEventListener("abort", act, { once: true });
  return () => signal.removeEventListener("abort", act);
}
