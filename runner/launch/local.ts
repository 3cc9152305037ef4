/** Runs points as processes of this machine, a few at a time. */

import { type LaunchedSweep, type Launcher, MACHINE_FAILED } from "./launcher.ts";
import { type Child, startChild } from "./child.ts";
import { SweepFolder } from "../sweep/sweep_folder.ts";

/** How points are run here. */
export interface LocalOptions {
  /** Processes at a time. */
  readonly jobs: number;
  /** Variables of the environment for the process in each place: `{ NAME: ["0", "1"] }` gives the second place "1". */
  readonly placeEnvironment?: Readonly<Record<string, readonly string[]>>;
  /** How often a point is started again after its process died without a result; then it is failed. */
  readonly attempts?: number;
}

/** A launcher that can end everything at once. */
export interface LocalLauncher extends Launcher {
  /** Kills what runs: nothing more is saved. */
  kill(): void;
}

/**
 * Makes a launcher for this machine. Its processes end by themselves, after a checkpoint, when this process is gone: they see their
 * standard input end.
 */
export function localLauncher({ jobs, placeEnvironment = {}, attempts = 3 }: LocalOptions): LocalLauncher {
  const running = new Set<Child>();
  return {
    kill() {
      for (const child of running) child.kill("SIGKILL");
    },
    async launch(points, sweep) {
      const queue = [...points];
      const told = setInterval(() => {
        if (!sweep.stop.aborted) return;
        clearInterval(told);
        for (const child of running) child.kill("SIGTERM");
      }, 100);
      const place = async (index: number) => {
        const env = Object.fromEntries(
          Object.entries(placeEnvironment).map(([name, values]) => [name, values[index % values.length] ?? ""]),
        );
        for (let point = queue.shift(); point !== undefined && !sweep.stop.aborted; point = queue.shift()) {
          await runPoint(point, sweep, env, attempts, running);
        }
      };
      try {
        await Promise.all(Array.from({ length: Math.min(jobs, points.length) }, (_, index) => place(index)));
      } finally {
        clearInterval(told);
      }
    },
  };
}

async function runPoint(
  point: number,
  sweep: LaunchedSweep,
  env: Readonly<Record<string, string>>,
  attempts: number,
  running: Set<Child>,
): Promise<void> {
  const directory = new SweepFolder(sweep.folder).trial(point);
  await Deno.mkdir(directory, { recursive: true });
  const log = `${directory}/log.txt`;
  for (let attempt = 1; !sweep.stop.aborted; attempt++) {
    const [program = "deno", ...args] = sweep.task.argv;
    const words = [...args, sweep.folder, String(point), "--leash"];
    const child = startChild(program, words, { cwd: sweep.task.cwd, env, log, detached: true });
    running.add(child);
    const status = await child.status;
    running.delete(child);
    if (await sweep.hasResult(point)) return;
    if (sweep.stop.aborted) return;
    if (status.code === MACHINE_FAILED) {
      sweep.note(`Point ${point} has no result: ${await lastLine(log)}`);
      return;
    }
    const how = status.signal ? `was ended by ${status.signal}` : `ended with exit code ${status.code}`;
    if (attempt >= attempts) {
      const tail = (await Deno.readTextFile(log).catch(() => "")).trimEnd().split("\n").slice(-5).join("\n");
      const error = `Its process ${how} ${attempts} times without a result: see ${log}\n${tail}`;
      await sweep.giveUp(point, error);
      return;
    }
    sweep.note(`Point ${point}: its process ${how} without a result: started again`);
  }
}

async function lastLine(log: string): Promise<string> {
  return (await Deno.readTextFile(log).catch(() => "")).trimEnd().split("\n").at(-1) ?? "";
}
