/** Drives a sweep: wave after wave is chosen, written, launched and read, until nothing is left to try. */

import { acquire, type Claim } from "../claim.ts";
import { messageOf, Stopped, UsageError } from "../errors.ts";
import type { Launcher, SweepTask } from "../launch/launcher.ts";
import type { StopFlag } from "../stop.ts";
import { type KnownPoint, nextWave } from "./propose.ts";
import type { SweepFolder, SweepPointRow } from "./sweep_folder.ts";
import type { SweepDefinition } from "./sweep_spec.ts";
import { type TrialResult, writeTrialResult } from "./trial_result.ts";
import { writeTrials } from "./trials_table.ts";

/** Hears how a sweep goes. */
export interface SweepListener {
  /** A wave begins; `known` are all points so far. */
  wave(rows: readonly SweepPointRow[], known: readonly KnownPoint[]): void;
  /** A point has its result. */
  ended(row: SweepPointRow, result: TrialResult): void;
  /** About once a second while points run. */
  tick(): void;
  /** A line for people. */
  note(message: string): void;
}

/** What {@link driveSweep} needs. */
export interface DriveOptions {
  /** The sweep's folder, with its record. */
  readonly folder: SweepFolder;
  /** What it is. */
  readonly definition: SweepDefinition;
  /** The command that runs one point. */
  readonly task: SweepTask;
  /** Starts the points. */
  readonly launcher: Launcher;
  /** Raised by Ctrl-C. */
  readonly stop: StopFlag;
  /** Hears how it goes. */
  readonly listener: SweepListener;
  /** A failed point ends the sweep: what runs is stopped. */
  readonly failFast?: boolean;
  /** Failed points of earlier attempts are tried again. */
  readonly retryFailed?: boolean;
  /** Milliseconds between two looks at what runs. */
  readonly lookEveryMs?: number;
}

/** How a sweep ended. */
export interface SweepOutcome {
  /** All points with their results. */
  readonly known: readonly KnownPoint[];
  /** `done`: nothing is left to try. */
  readonly status: "done" | "stopped" | "failed fast" | "incomplete";
}

/** Claims a sweep's folder. @throws {UsageError} when another process is at it */
export async function claimSweep(folder: SweepFolder, name: string): Promise<Claim | undefined> {
  return await acquire(folder.path, {
    run: name,
    finished: () => Promise.resolve(false),
    onWait: (holder) => {
      throw new UsageError(
        `The sweep in ${folder.path} is driven by process ${holder?.pid ?? "?"} on ${
          holder?.host ?? "?"
        } already: wait for it, or stop it`,
      );
    },
  });
}

/**
 * Drives a sweep to its end. What an earlier attempt did is kept: points without a result are launched again, and go on from their
 * checkpoints.
 *
 * @throws {UsageError} when another process drives it now
 */
export async function driveSweep(options: DriveOptions): Promise<SweepOutcome> {
  const { folder, definition, listener } = options;
  const claim = await claimSweep(folder, definition.name);
  try {
    await folder.tidy();
    let rows = await folder.points(definition.space);
    if (options.retryFailed) {
      const count = await folder.forgetFailed(rows);
      if (count > 0) listener.note(`${count} failed point${count === 1 ? " is" : "s are"} tried again`);
    }
    while (true) {
      const known = await read(folder, rows);
      const missing = known.filter(({ result }) => !result).map(({ row }) => row);
      if (missing.length > 0) {
        listener.wave(missing, known);
        const ended = await launchAll(options, missing, known);
        const after = await read(folder, rows);
        await writeTrials(`${folder.path}/trials.csv`, definition, after);
        if (ended !== "done") return { known: after, status: ended };
        if (after.some(({ result }) => !result)) return { known: after, status: "incomplete" };
        continue;
      }
      const next = nextWave(definition, known);
      if (next.length === 0) {
        await writeTrials(`${folder.path}/trials.csv`, definition, known);
        return { known, status: "done" };
      }
      rows = [...rows, ...next];
      await folder.writePoints(definition.space, rows);
    }
  } finally {
    await claim?.release(true);
  }
}

async function read(folder: SweepFolder, rows: readonly SweepPointRow[]): Promise<KnownPoint[]> {
  const begun = new Set(await folder.begun());
  return await Promise.all(
    rows.map(async (row) => ({ row, result: begun.has(row.point) ? await folder.result(row.point) : undefined })),
  );
}

/** Launches points and tells of each that ends. */
async function launchAll(
  { folder, launcher, task, stop, listener, failFast, lookEveryMs = 1000 }: DriveOptions,
  rows: readonly SweepPointRow[],
  known: readonly KnownPoint[],
): Promise<"done" | "stopped" | "failed fast"> {
  const waiting = new Map(rows.map((row) => [row.point, row]));
  let failed = false;
  let measured = known.some(({ result }) => result?.value !== undefined);
  const look = async () => {
    for (const point of await folder.begun()) {
      const row = waiting.get(point);
      if (!row) continue;
      const result = await folder.result(point);
      if (!result || !waiting.delete(point)) continue;
      listener.ended(row, result);
      const isLost = result.unmeasured === true && !measured;
      measured ||= result.value !== undefined;
      if ((failFast || isLost) && result.state === "failed" && !failed) {
        failed = true;
        if (isLost) listener.note(`${result.error}. No other point would do better: the sweep is stopped`);
        stop.stop();
      }
    }
    listener.tick();
  };
  let running = true;
  const watching = (async () => {
    while (running) {
      // A network file system may fail for a moment: what it hides now is seen at the next look.
      await look().catch((error) => listener.note(`Cannot look at the points: ${messageOf(error)}`));
      await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
    }
  })();
  try {
    await launcher.launch([...waiting.keys()], {
      folder: folder.path,
      task,
      stop,
      note: (message) => listener.note(message),
      hasResult: async (point) => await folder.result(point) !== undefined,
      giveUp: async (point, error) => {
        const trial = waiting.get(point)?.trial ?? point;
        const finished = new Date().toISOString();
        await writeTrialResult(folder.trial(point), {
          schema: 1,
          point,
          trial,
          state: "failed",
          error,
          seconds: 0,
          finished,
        });
      },
    });
  } catch (error) {
    if (!(error instanceof Stopped)) throw error;
  } finally {
    running = false;
    await watching;
  }
  await look();
  return failed ? "failed fast" : stop.aborted && waiting.size > 0 ? "stopped" : "done";
}
