/** The three ways a run ends early, told apart by the exit code they cause. */

/** What the user wrote cannot be run: an unknown key, a missing file, a wrong value. The process exits 2. */
export class UsageError extends Error {
  /** Tells the class after crossing from a worker. */
  override readonly name = "UsageError";
}

/** A stage cannot finish for a reason its author foresaw. The process exits 1 and prints the message without a stack. */
export class StageError extends Error {
  /** Tells the class after crossing from a worker. */
  override readonly name = "StageError";
}

/** The work was stopped by Ctrl-C or SIGTERM; what was done so far is in the checkpoint. The process exits 130. */
export class Stopped extends Error {
  /** Tells the class after crossing from a worker. */
  override readonly name = "Stopped";
  /**
   * Makes it.
   *
   * @param message what was stopped
   */
  constructor(message = "Stopped by a signal") {
    super(message);
  }
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
