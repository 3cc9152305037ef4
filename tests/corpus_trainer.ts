/**
 * Spoils the trainer of Gaussians the way people do, for the corpus of sick runs: the stage, its losses and its tables stay real.
 */
import { GAUSSIAN_AT, GAUSSIAN_FLOATS } from "../kernels/gaussians/gaussian_layout.ts";
import { GaussianTrainer } from "../models/gaussian_trainer.ts";

/** What is wrong with the trainer of a picture. */
export interface TrainerMistake {
  /**
   * `stuck`: the gradient reaches no parameter; `away`: Gaussians that are put in place lie `by` px to the right; `loud`: the new ones
   * among them have the colour `by`, `wide`: a standard deviation of `by` px; `small`: all have a standard deviation of `by` px; `shrinking`: every step makes them smaller by
   * the share `by`.
   */
  readonly mistake: "stuck" | "away" | "loud" | "wide" | "small" | "shrinking";
  readonly by?: number;
  /** The first step that it is made at; 0 when nothing is said. */
  readonly from?: number;
}

/** Spoils every trainer, of the parameterisation `rotation_scale`, until what it returns is called. */
export function spoilTrainer(mistakes: readonly TrainerMistake[]): () => void {
  const { set, run } = GaussianTrainer.prototype;
  for (const mistake of mistakes) spoilOnce(mistake);
  return () => Object.assign(GaussianTrainer.prototype, { set, run });
}

function spoilOnce({ mistake, by = 0, from = 0 }: TrainerMistake): void {
  const whole = GaussianTrainer.prototype, { set, run } = whole;
  whole.set = function (values) {
    const old = this.step === 0 ? 0 : this.count, out = values.slice();
    for (let k = 0; this.step >= from && k < out.length / GAUSSIAN_FLOATS; k++) {
      const at = k * GAUSSIAN_FLOATS;
      if (mistake === "away") out[at + GAUSSIAN_AT.x]! += by;
      if (mistake === "loud" && k >= old) out.fill(by, at + GAUSSIAN_AT.colour, at + GAUSSIAN_AT.colour + 3);
      if (mistake === "small" || mistake === "wide" && k >= old) {
        out.fill(Math.log(by), at + GAUSSIAN_AT.shape, at + GAUSSIAN_AT.shape + 2);
      }
    }
    set.call(this, out);
  };
  whole.run = async function (factors) {
    const is = this.step >= from;
    const report = await run.call(this, is && mistake === "stuck" ? factors.map(() => 0) : factors);
    if (is && mistake === "shrinking") {
      const state = await this.state();
      for (let at = GAUSSIAN_AT.shape; at < state.values.length; at += GAUSSIAN_FLOATS) {
        for (const axis of [0, 1]) state.values[at + axis]! += factors.length * Math.log(1 - by);
      }
      this.put(state);
    }
    return report;
  };
}
