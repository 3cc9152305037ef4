/** What a sweep asks of whatever starts its points: processes on this machine, or jobs of a cluster. */

import type { StopFlag } from "../stop.ts";

/** A sweep as a launcher sees it. */
export interface LaunchedSweep {
  /** The sweep's folder, absolute. */
  readonly folder: string;
  /** The command that runs one point: `argv`, then the folder, then the number of the point. */
  readonly task: SweepTask;
  /** Raised by Ctrl-C or SIGTERM: start nothing more, let what runs save its checkpoint, and resolve. */
  readonly stop: StopFlag;
  /** A line for people. */
  note(message: string): void;
  /** True when the point's `result.json` is there. */
  hasResult(point: number): Promise<boolean>;
  /** Notes that a point cannot get a result by itself, since its tasks keep dying: it counts as failed. */
  giveUp(point: number, error: string): Promise<void>;
}

/** Exit code of a point's process that the machine failed, such as by a full disk: starting it again at once is of no use. */
export const MACHINE_FAILED = 75;

/** How one point is run. */
export interface SweepTask {
  /** Program and arguments. */
  readonly argv: readonly string[];
  /** Working directory: relative data paths of parameters start there. */
  readonly cwd: string;
}

/** Starts points; which ones, and in which order, is the sweep's affair. */
export interface Launcher {
  /** Starts the points and resolves when each has a result or cannot get one. Launching a point again must be harmless. */
  launch(points: readonly number[], sweep: LaunchedSweep): Promise<void>;
}
