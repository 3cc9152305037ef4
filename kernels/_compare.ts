/**
 * Comparisons for tests of kernels: errors against a tolerance, bits, values that are not finite.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Expected, Outputs, Tolerance } from "./kernel.ts";

/** One tensor of a kernel's results. */
export type Values = Outputs[string];

/** Error allowed where a record names none: integers, and floats that must be equal. */
const EXACT: Tolerance = { absolute: 0, relative: 0 };

/** Largest error of `got` as a multiple of what is allowed, and where it is; a NaN is infinitely wrong. */
export function worstError(
  got: ArrayLike<number>,
  want: ArrayLike<number>,
  { absolute, relative }: Tolerance,
): { ratio: number; index: number } {
  let ratio = 0, index = 0;
  for (let i = 0; i < want.length; i++) {
    const error = Math.abs(got[i]! - want[i]!);
    const allowed = absolute + relative * Math.abs(want[i]!);
    const r = error === 0 ? 0 : error <= Infinity ? error / allowed : Infinity;
    if (r > ratio) [ratio, index] = [r, i];
  }
  return { ratio, index };
}

/** Fails unless `got` has the names, lengths and (within tolerance) values of `want`. */
export function assertClose(
  got: Outputs,
  want: Expected,
  tolerance: Readonly<Record<string, Tolerance>>,
  context: string,
): void {
  assert.deepEqual(Object.keys(got).sort(), Object.keys(want).sort(), `${context}: names of the results`);
  for (const [name, expected] of Object.entries(want)) {
    const found = got[name]!;
    assert.equal(found.length, expected.length, `${context}: length of ${name}`);
    const allowed = expected instanceof Float64Array ? tolerance[name] : EXACT;
    assert.ok(allowed, `${context}: the record has no tolerance for ${name}`);
    const { ratio, index } = worstError(found, expected, allowed);
    assert.ok(
      ratio <= 1,
      `${context}: ${name}[${index}] is ${found[index]}, expected ${expected[index]} (${
        ratio.toFixed(2)
      } times what is allowed)`,
    );
  }
}

/** The bytes of an array. */
export function bytesOf(values: Values): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/** Fails unless both hold the same bits under the same names. */
export function assertSameBits(got: Outputs, want: Outputs, context: string): void {
  assert.deepEqual(Object.keys(got).sort(), Object.keys(want).sort(), `${context}: names of the results`);
  for (const [name, values] of Object.entries(want)) {
    const a = bytesOf(got[name]!), b = bytesOf(values);
    assert.equal(a.length, b.length, `${context}: length of ${name}`);
    const at = a.findIndex((byte, i) => byte !== b[i]);
    if (at < 0) continue;
    const i = Math.floor(at / values.BYTES_PER_ELEMENT);
    assert.fail(`${context}: ${name}[${i}] is ${got[name]![i]} and was ${values[i]}`);
  }
}

/** Indices of values that are NaN or infinite. */
export function notFinite(values: Values): number[] {
  const found: number[] = [];
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i]!)) found.push(i);
  return found;
}
