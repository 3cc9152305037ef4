/** Whether a reader took an input as it should: it gives a value, or an error that says what is wrong with the file. */

import { isUserFacing } from "../../runner/errors.ts";
import { takeAllocated } from "./allocations.ts";
import type { Target } from "./target.ts";

/** An error may quote the input, with its quotes escaped; what it says itself fits on a screen. */
const longestMessage = (bytes: number) => 4000 + 4 * bytes;
const prototypes = [Object.prototype, Array.prototype, Function.prototype, String.prototype];
const ownNames = prototypes.map((one) => Object.getOwnPropertyNames(one).join());

/** What came of an input. */
export interface Verdict {
  /** True when the reader gave a value. */
  readonly parsed: boolean;
  /** What is wrong with the reader; undefined when nothing is. */
  readonly problem?: string;
  /** Bytes of buffers that it cost. */
  readonly allocated: number;
}

/** Reads an input and judges what came of it. */
export async function judge(target: Target, bytes: Uint8Array): Promise<Verdict> {
  takeAllocated();
  let parsed = true;
  let problem: string | undefined;
  try {
    await target.read(bytes);
  } catch (error) {
    parsed = false;
    problem = errorProblem(error, bytes.length, target.file);
  }
  const allocated = takeAllocated();
  const limit = target.limit(bytes.length);
  if (allocated > limit) problem ??= `allocated more than its limit (${allocated} of ${limit} bytes)`;
  if (prototypes.some((one, i) => Object.getOwnPropertyNames(one).join() !== ownNames[i])) {
    problem ??= "changed a prototype of all objects";
  }
  return { parsed, allocated, ...(problem === undefined ? {} : { problem }) };
}

function errorProblem(error: unknown, size: number, file: string | undefined): string | undefined {
  if (!isUserFacing(error)) return error instanceof Error ? `${error.name}: ${error.message}` : `threw ${error}`;
  if (error.message.trim() === "") return "an error that says nothing";
  if (error.message.length > longestMessage(size)) return `an error of ${error.message.length} characters`;
  if (file !== undefined && !error.message.includes(file)) {
    return `an error that does not name the file: ${error.message}`;
  }
  return undefined;
}
