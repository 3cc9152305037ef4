/**
 * What a training of splats does at which step: degree of the colour, rate of the centres, order of the views.
 *
 * @module
 */
import { Pcg, pcg3 } from "../kernels/random/pcg.ts";
import type { SplatTrainerConfig } from "./splat_trainer_config.ts";
import type { TrainingImages } from "./trainer_config.ts";

/** Degree of the colour that takes part after so many steps. */
export function activeDegree({ degree, schedule }: SplatTrainerConfig, step: number): number {
  return schedule.degreeEvery === 0 ? degree : Math.min(degree, Math.floor(step / schedule.degreeEvery));
}

/** Rate of the centres: exponential from start to end (3DGS `get_expon_lr_func`). */
export function meansRate({ rates, extent, steps }: SplatTrainerConfig, step: number): number {
  return extent * rates.meansStart * (rates.meansEnd / rates.meansStart) ** Math.min(1, step / steps);
}

/** The first step after `step` that is a multiple of `every`. */
export function nextMultiple(step: number, every: number): number {
  return (Math.floor(step / every) + 1) * every;
}

/** The view of a step: every epoch shows each view once, in an order of its own. */
export function viewOf(seed: number, step: number, views: number): number {
  const epoch = Math.floor(step / views);
  const rng = new Pcg(pcg3(seed, 5, epoch));
  const order = [...Array(views).keys()];
  for (let i = views - 1; i > 0; i--) {
    const j = rng.integer(i + 1);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order[step % views]!;
}

/** The camera of one training view. */
export function cameraOf(images: TrainingImages, view: number) {
  const numbers = images.cameras.subarray(16 * view, 16 * view + 16);
  const [fx, fy, cx, cy] = numbers.subarray(12) as unknown as [number, number, number, number];
  return { width: images.width, height: images.height, fx, fy, cx, cy, cameraToWorld: numbers };
}
