/**
 * Range asymmetric numeral systems (Duda 2013, arXiv:1311.2540, section 4; the layout of Giesen's rans_byte): a 32-bit state,
 * renormalised by bytes. The decoder reads forwards what the encoder makes backwards, so an encoder first collects its symbols.
 * A symbol is a slice [start, start + frequency) of 2^{@linkcode RANS_BITS}; whoever models them may change the slices from
 * symbol to symbol.
 *
 * @module
 */

/** Slices are parts of 2^15. */
export const RANS_BITS = 15;
const TOTAL = 2 ** RANS_BITS;
/** The state lies in [LOW, 256 LOW) between symbols; the decoder ends where the encoder began, at LOW. */
const LOW = 2 ** 23;
/** Bytes of the state at the beginning of a stream. */
const STATE_BYTES = 4;

/** Collects slices, then writes them. */
export class RansEncoder {
  readonly #starts: number[] = [];
  readonly #frequencies: number[] = [];

  /**
   * Appends the symbol with the slice [start, start + frequency) of 2^15.
   *
   * @throws {RangeError} When the slice is empty or does not lie in [0, 2^15).
   */
  push(start: number, frequency: number): void {
    if (!(start >= 0 && frequency >= 1 && start + frequency <= TOTAL)) {
      throw new RangeError(`Expected a slice of ${TOTAL} that is not empty, found ${frequency} from ${start}`);
    }
    this.#starts.push(start);
    this.#frequencies.push(frequency);
  }

  /** The stream of all symbols so far: 4 bytes at least. */
  finish(): Uint8Array<ArrayBuffer> {
    const reversed: number[] = [];
    let state = LOW;
    for (let i = this.#starts.length - 1; i >= 0; i--) {
      const frequency = this.#frequencies[i]!, limit = LOW / TOTAL * 256 * frequency;
      while (state >= limit) {
        reversed.push(state % 256);
        state = Math.floor(state / 256);
      }
      state = Math.floor(state / frequency) * TOTAL + state % frequency + this.#starts[i]!;
    }
    const out = new Uint8Array(STATE_BYTES + reversed.length);
    new DataView(out.buffer).setUint32(0, state);
    out.set(reversed.reverse(), STATE_BYTES);
    return out;
  }
}

/** Reads the symbols of a stream. What lies beyond its end is not read; {@linkcode RansDecoder.exhausted} and {@linkcode RansDecoder.finished} tell. */
export class RansDecoder {
  readonly #bytes: Uint8Array;
  #at = STATE_BYTES;
  #state: number;

  /** Starts at the first symbol of `bytes`. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#state = 0;
    for (let i = 0; i < STATE_BYTES; i++) this.#state = this.#state * 256 + (bytes[i] ?? 0);
  }

  /** A number in [0, 2^15) that lies in the slice of the next symbol. */
  peek(): number {
    return this.#state % TOTAL;
  }

  /** Goes on to the next symbol; the slice is the one that {@linkcode RansDecoder.peek} lies in. */
  skip(start: number, frequency: number): void {
    let state = frequency * Math.floor(this.#state / TOTAL) + this.#state % TOTAL - start;
    while (state < LOW && this.#at < this.#bytes.length) state = state * 256 + this.#bytes[this.#at++]!;
    this.#state = state;
  }

  /** Whether symbols were asked for that the stream does not hold. */
  get exhausted(): boolean {
    return this.#state < LOW;
  }

  /** Whether every byte has been read and the state is the one that the encoder began with: true after the last symbol of a whole stream. */
  get finished(): boolean {
    return this.#state === LOW && this.#at === Math.max(STATE_BYTES, this.#bytes.length) &&
      this.#bytes.length >= STATE_BYTES;
  }
}
