/**
 * What a training notes beside its metrics, for those who ask afterwards what happened: its checkpoints, and where numbers stopped
 * being finite.
 *
 * @module
 */
import type { Checkpoint } from "../runner/checkpoint.ts";
import type { StageContext } from "../runner/stage.ts";

/** Saves a checkpoint, and notes it in `checkpoints.csv`: `step`, measured, since checkpoints follow the clock. */
export async function saveCheckpoint(context: StageContext, checkpoint: Checkpoint): Promise<void> {
  // Before it is saved: a resumed training then finds the row of the checkpoint that it goes on from.
  context.csv("checkpoints.csv", ["step"]).append({ step: checkpoint.step });
  await context.checkpoint.save(checkpoint);
}

/**
 * Writes `not_finite.csv` of a training that has failed: a row for each tensor that holds numbers that are not finite, with how
 * many of how many they are, and where the first one stands.
 */
export function writeNotFinite(
  context: StageContext,
  step: number,
  tensors: Readonly<Record<string, ArrayLike<number>>>,
): void {
  const table = context.csv("not_finite.csv", ["step", "tensor", "values", "not_finite", "first"]);
  for (const [tensor, values] of Object.entries(tensors)) {
    let count = 0, first = -1;
    for (let i = 0; i < values.length; i++) {
      if (Number.isFinite(values[i])) continue;
      if (count++ === 0) first = i;
    }
    if (count > 0) table.append({ step, tensor, values: values.length, not_finite: count, first });
  }
}
