/**
 * Parameters and presets of every experiment that begins by fitting splats to a scene: with the same ones, they share the
 * trained teacher in the cache.
 *
 * @module
 */
import { z } from "zod";
import type { Ref } from "../runner/ref.ts";
import { FitSplats } from "./fit_splats.ts";
import { namedScene, type Scene } from "./scene.ts";

/** Parameters of the scene and of its teacher. */
export const SplatTeacher = z.object({
  scene: z.string().default("bricks").describe("bricks, or a NeRF-synthetic folder"),
  downscale: z.int().min(1).default(1).describe("area reduction of a folder's pictures"),
  size: z.int().min(32).max(800).default(200).describe("pixels per side of bricks"),
  test_views: z.int().min(0).default(0).describe("measure on so many views, spread evenly; 0: all"),
  fit: FitSplats.prefault({}).describe("see stages/fit_splats.ts"),
});

/**
 * Rates for trainings of a quarter of the published steps: found on LEGO at 100 px, see docs/performance.md. Opacity is reset once,
 * half-way through density control.
 */
const SHORT = { means_rate: 6.4e-4, scales_rate: 0.02, rotations_rate: 4e-3, colour_rate: 0.01, reset_every: 0.25 };

/** Presets of {@linkcode SplatTeacher}. */
export const SPLAT_PRESETS = {
  tiny: {
    size: 48,
    test_views: 2,
    fit: { steps: 200, cap: 2000, initial: 1000, degree: 1, reset_every: 0, eval_every: 0 },
  },
  cpu: { fit: { steps: 7000, cap: 50_000, ...SHORT } },
  // Full-size pictures on a CPU, when half an hour may pass.
  long: { fit: { steps: 6000, cap: 80_000, ...SHORT } },
  // As published, for a GPU.
  paper: { fit: { steps: 30_000, cap: 500_000, initial: 100_000, init: "box" } },
} as const satisfies Record<string, z.input<typeof SplatTeacher>>;

/** The scene that those parameters name; `bricks` with the views that teachers are fitted to and measured on. */
export function teacherScene(p: z.output<typeof SplatTeacher>): Ref<Scene<"colour">> {
  return namedScene("scene", {
    scene: p.scene,
    downscale: p.downscale,
    bricks: { size: p.size, train: 100, test: 25 },
  });
}
