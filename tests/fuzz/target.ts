/** What is fuzzed: a reader, small valid inputs of it, and what it may allocate. */

import type { Arbitrary } from "fast-check";

/** A reader with what is needed to attack it. */
export interface Target {
  /** Unique. */
  readonly name: string;
  /** Valid inputs, made by our own writers: the reader must accept each of them. */
  readonly seeds: readonly Uint8Array[];
  /** Inputs with the structure of the format and arbitrary content. */
  readonly structured: Arbitrary<Uint8Array>;
  /** Pieces that mean something to the reader: they are inserted into seeds. */
  readonly dictionary: readonly Uint8Array[];
  /** Inputs that somebody thought of. */
  readonly special?: readonly Uint8Array[];
  /** Makes checksums of a changed input right again, so that what lies behind them is reached. */
  repair?(bytes: Uint8Array): Uint8Array;
  /** Reads the input; throws what the reader throws. */
  read(bytes: Uint8Array): unknown;
  /** The name that errors must mention; left out where the reader is given none. */
  readonly file?: string;
  /** Most bytes of buffers that one input of this size may cost, all allocations together. */
  limit(bytes: number): number;
}

/** Text as an input. */
export function textInput(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** An input as text; what is no UTF-8 becomes a replacement character, as in `Deno.readTextFile`. */
export function inputText(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** Numbers that length fields are set to. */
export const LENGTHS = [0, 1, 2, 127, 128, 255, 256, 65535, 65536, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 53] as const;
