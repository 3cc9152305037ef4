/** The three ways a run ends early, told apart by the exit code they cause. */

/** What the user wrote cannot be run: an unknown key, a missing file, a wrong value. The process exits 2. */
export class UsageError extends Error {
  /** Tells the class after crossing from a worker. */
  override readonly name = "UsageError";
  /** See {@linkcode isUserFacing}. */
  readonly userFacing = true;
}

/** A stage cannot finish for a reason its author foresaw. The process exits 1 and prints the message without a stack. */
export class StageError extends Error {
  /** Tells the class after crossing from a worker. */
  override readonly name = "StageError";
  /** See {@linkcode isUserFacing}. */
  readonly userFacing = true;
}

/**
 * The machine failed, not the work: a full disk, a folder that was taken away. The same command goes on once that is mended, so
 * a sweep does not count it as a result. The process exits 1 and prints the message without a stack.
 */
export class MachineError extends Error {
  /** Tells the class after crossing from a worker. */
  override readonly name = "MachineError";
  /** See {@linkcode isUserFacing}. */
  readonly userFacing = true;
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

/** A stage was left where it was told to pause; what was done so far is in the checkpoint. */
export class Paused extends Error {
  /** Tells the class after crossing from a worker. */
  override readonly name = "Paused";
  /**
   * Makes it.
   *
   * @param message what was paused
   */
  constructor(message = "Paused after a checkpoint") {
    super(message);
  }
}

/**
 * True for an error whose message says what the user can mend: it is shown alone. All others are faults of a program and
 * keep their stack. An error tells by itself, with a property `userFacing` that is true: the runner knows no other folder's
 * classes.
 */
export function isUserFacing(error: unknown): error is Error {
  return error instanceof Error && "userFacing" in error && error.userFacing === true;
}

/** The text that tells of anything thrown: the message alone, or the stack too when nobody foresaw it. */
export function failureText(error: unknown): string {
  if (isUserFacing(error)) return error.message;
  return error instanceof Error ? error.stack ?? error.message : String(error);
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
