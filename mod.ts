/**
 * Stillroom: a scriptable experiment runner for neural-scene research, on WebGPU.
 *
 * An experiment is one TypeScript file that chains typed stages. {@linkcode experiment} describes it, {@linkcode stage}
 * makes a stage of your own, {@linkcode gate} says what a result must reach. The stages at hand: {@linkcode bricksScene} and
 * {@linkcode blenderScene} give a scene, {@linkcode trainField} trains a student on it, {@linkcode evaluate} measures it.
 *
 * ```ts no-assert
 * import { z } from "zod";
 * import { bricksScene, evaluate, experiment, gate, trainField } from "./mod.ts";
 *
 * export default experiment({
 *   name: "first",
 *   title: "My first student",
 *   params: z.object({ steps: z.int().default(400) }),
 *   presets: { tiny: { steps: 48 } },
 *   pipeline(p) {
 *     const scene = bricksScene("scene", { size: 64 });
 *     const student = trainField("student", { scene, steps: p.steps });
 *     const evaluation = evaluate("evaluate", { scene, student });
 *     return { outputs: { evaluation }, gates: { default: [gate(evaluation, "psnr_over_constant").atLeast(10)] } };
 *   },
 * });
 * ```
 *
 * Files inside this repository import the leaf modules instead: this barrel would tie everything into every cache key.
 *
 * @module
 */

import type { RefValue } from "./runner/ref.ts";
import { evaluate as evaluateStage } from "./stages/evaluate.ts";
import { trainField as trainFieldStage } from "./stages/train_field.ts";

export * from "./runner/mod.ts";
export { blenderScene, bricksScene, type BricksViews, namedScene, type Scene } from "./stages/scene.ts";
export type { Box, Capability, SceneInfo, Split, SplitInfo } from "./scenes/scene.ts";
export { blankRender } from "./stages/rules/blank_render.ts";
export { nanOnset } from "./stages/rules/nan_onset.ts";

/**
 * Follows from the schema of its parameters, in stages/train_field.ts.
 *
 * @internal
 */
type TrainFieldStage = typeof trainFieldStage;

/**
 * Follows from the schema of its parameters, in stages/evaluate.ts.
 *
 * @internal
 */
type EvaluateStage = typeof evaluateStage;

/** A trained student with all that rendering it needs: what {@linkcode trainField} refers to and {@linkcode evaluate} takes. */
export type TrainedField = RefValue<ReturnType<TrainFieldStage>>;

/**
 * Trains a hash-grid student on the training views of a scene. With `depth` the scene must export depth, otherwise it does
 * not compile. Every parameter has a default; `docs/experiments.md` lists them.
 */
export const trainField: TrainFieldStage = trainFieldStage;

/**
 * Renders held-out views of a trained student and measures them: PSNR, SSIM, depth error and speed, each row with what an
 * all-white, an all-black and a mean-colour picture would score, and a strip of pictures to look at.
 */
export const evaluate: EvaluateStage = evaluateStage;
