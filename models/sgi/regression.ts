/**
 * Guesses of a number from others that get better with every number that is told: linear least squares with a prior (ridge
 * regression towards given weights), and running means of what the guesses missed. IEEE doubles with + - * / and square root, in the
 * order written.
 *
 * @module
 */

/** The weights are found anew after this many numbers; earlier at the beginning. */
const SOLVE_EVERY = 16;

/** Linear least squares of all that was told so far. */
export class Regression {
  readonly #size: number;
  /** Normal equations: `[size][size]` and `[size]`. */
  readonly #matrix: Float64Array;
  readonly #right: Float64Array;
  readonly #factor: Float64Array;
  #weights: Float64Array;
  #told = 0;

  /**
   * @param weights that hold as long as nothing is told
   * @param trust in them, as a sum of squared inputs
   */
  constructor(weights: readonly number[], trust: number) {
    const size = weights.length;
    this.#size = size;
    this.#matrix = new Float64Array(size * size);
    this.#right = new Float64Array(size);
    this.#factor = new Float64Array(size * size);
    this.#weights = Float64Array.from(weights);
    for (let i = 0; i < size; i++) {
      this.#matrix[i * size + i] = trust;
      this.#right[i] = trust * weights[i]!;
    }
  }

  /** The guess. */
  guess(inputs: ArrayLike<number>): number {
    let sum = 0;
    for (let i = 0; i < this.#size; i++) sum += this.#weights[i]! * inputs[i]!;
    return sum;
  }

  /** Learns the number that was to be guessed. */
  learn(inputs: ArrayLike<number>, value: number): void {
    const n = this.#size, matrix = this.#matrix;
    for (let i = 0; i < n; i++) {
      for (let j = 0; j <= i; j++) matrix[i * n + j]! += inputs[i]! * inputs[j]!;
      this.#right[i]! += inputs[i]! * value;
    }
    if (++this.#told % SOLVE_EVERY === 0) this.#solve();
  }

  /** Cholesky: matrix = L L^T, then L z = right, L^T weights = z. */
  #solve(): void {
    const n = this.#size, L = this.#factor, z = new Float64Array(n);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j <= i; j++) {
        let sum = this.#matrix[i * n + j]!;
        for (let k = 0; k < j; k++) sum -= L[i * n + k]! * L[j * n + k]!;
        L[i * n + j] = i === j ? Math.sqrt(sum) : sum / L[j * n + j]!;
      }
      let sum = this.#right[i]!;
      for (let k = 0; k < i; k++) sum -= L[i * n + k]! * z[k]!;
      z[i] = sum / L[i * n + i]!;
    }
    for (let i = n - 1; i >= 0; i--) {
      let sum = z[i]!;
      for (let k = i + 1; k < n; k++) sum -= L[k * n + i]! * z[k]!;
      z[i] = sum / L[i * n + i]!;
    }
    this.#weights = z;
  }
}

/** Mean magnitudes of misses, one for each value of a context. */
export class Misses {
  readonly #means: Float64Array;
  readonly #told: Float64Array;

  /** @param start the mean before anything is told, which counts as 4 misses */
  constructor(values: number, start: number) {
    this.#means = new Float64Array(values).fill(start);
    this.#told = new Float64Array(values).fill(4);
  }

  /** The mean so far. */
  mean(context: number): number {
    return this.#means[context]!;
  }

  /** Adds one; the last 200 or so count. */
  learn(context: number, miss: number): void {
    const told = this.#told[context]! + 1;
    this.#means[context]! += (Math.abs(miss) - this.#means[context]!) / told;
    if (told < 200) this.#told[context] = told;
  }
}
