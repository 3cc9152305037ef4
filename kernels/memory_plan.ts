/**
 * Memory plans: every buffer a job will make, checked against a device's limits before anything is allocated.
 *
 * @module
 */

/** One buffer of a memory plan. `binding` (default true): bound as storage, so it must fit the binding limit. */
export interface PlannedBuffer {
  /** What it holds, for messages. */
  readonly name: string;
  /** Its size. */
  readonly bytes: number;
  /** False where it is never bound as storage. */
  readonly binding?: boolean;
}

/** A job that this device has no room for; the message says what is too large, and what to do. */
export class DeviceLimitError extends RangeError {
  /** The runner shows the message without a stack: it says all that is needed. */
  readonly userFacing = true;
}

/** Bytes as MiB, for messages. */
export const mib = (bytes: number) => (bytes / 2 ** 20).toFixed(bytes < 2 ** 24 ? 2 : 0);

/** Says in one sentence why a memory plan does not fit these limits; undefined when it does. */
export function checkPlan(
  plan: readonly PlannedBuffer[],
  limits: Readonly<Record<string, number>>,
): string | undefined {
  for (const { name, bytes, binding = true } of plan) {
    const limit = binding
      ? Math.min(limits["maxStorageBufferBindingSize"]!, limits["maxBufferSize"]!)
      : limits["maxBufferSize"]!;
    if (bytes > limit) {
      return `"${name}" needs ${mib(bytes)} MiB, but this device allows ${mib(limit)} MiB per ${
        binding ? "storage binding" : "buffer"
      }`;
    }
  }
  return undefined;
}
