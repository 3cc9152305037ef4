/** Checking a memory plan against the limits of a device, in words. */

import type { MemoryItem } from "./environment.ts";

/** A size for people: `12.5 MiB`. */
export function byteText(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : Number(value.toPrecision(4))} ${units[unit]}`;
}

/**
 * Says which buffer of a plan does not fit, and what to do.
 *
 * @param limits WebGPU limits by name: `maxBufferSize` and `maxStorageBufferBindingSize` are looked at
 * @returns undefined when everything fits
 */
export function checkMemoryPlan(
  plan: readonly MemoryItem[],
  limits: Readonly<Record<string, number>>,
): string | undefined {
  for (const { name, bytes, binding = true } of plan) {
    const checks: [string, number | undefined][] = [["maxBufferSize", limits.maxBufferSize]];
    if (binding) checks.unshift(["maxStorageBufferBindingSize", limits.maxStorageBufferBindingSize]);
    for (const [limit, most] of checks) {
      if (most !== undefined && bytes > most) {
        return `Buffer ${name} needs ${byteText(bytes)}, but this device allows ${
          byteText(most)
        } (${limit}): choose smaller parameters or another device`;
      }
    }
  }
  return undefined;
}
