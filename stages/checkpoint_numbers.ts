/**
 * Numbers of a checkpoint's state that JSON cannot hold: the PSNR of a picture that is matched exactly.
 *
 * @module
 */
import { type Json, readNumber } from "../runner/json.ts";

/** The state of a checkpoint as it was saved: the runner keeps infinities and NaN as strings, which become numbers again. */
export function savedState(state: Json): unknown {
  if (Array.isArray(state)) return state.map(savedState);
  if (typeof state !== "object" || state === null) return readNumber(state) ?? state;
  return Object.fromEntries(Object.entries(state).map(([key, value]) => [key, savedState(value)]));
}
