/**
 * What is wrong with a file `.sgi`.
 *
 * @module
 */

/** A file that is torn, damaged, of a newer version or not what it should be; the message says how to mend it. */
export class SgiError extends Error {
  /** The runner shows the message without a stack: it says all that is needed. */
  readonly userFacing = true;
  /** Of the class. */
  override readonly name = "SgiError";

  /** Composes the message from what was expected and found, and what can be done about it. */
  constructor(problem: string, mend = "write the file again or fetch it again") {
    super(`${problem}. To mend it, ${mend}`);
  }
}
