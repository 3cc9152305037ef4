/**
 * Every trained model that can be looked at, by the format of its files: how it is read, and where it is.
 *
 * @module
 */
import type { Box } from "../kernels/rays/ray_sampler.ts";
import { loadField } from "./field_file.ts";
import type { SceneModel } from "./open_renderer.ts";
import { type Extent, splatExtent } from "./splat_extent.ts";
import { loadTeacher } from "./teacher.ts";
import { loadTrainedSplats } from "./trained_splats.ts";

/** How models of one artifact format are read. */
export interface SceneModelFormat {
  /** Version of the artifact that is read. */
  readonly version: number;
  /** Reads the model from the folder of a finished stage. */
  load(directory: string): Promise<SceneModel>;
}

/** By the artifact's format, as `result.json` names it: what a new kind of model needs a line in. */
export const SCENE_MODELS: Readonly<Record<string, SceneModelFormat>> = {
  field: { version: 2, load: loadField },
  splats: { version: 1, load: loadTrainedSplats },
  teacher: { version: 1, load: async (directory) => (await loadTeacher(directory)).model },
};

/** Share of the splats' opacity that is seen from all around; at 0.95 the corners of the plate that `bricks` stands on are cut off. */
const SEEN = 0.99;

/** The ball that cameras around a model are laid around, world units. */
export function modelExtent(model: SceneModel): Extent {
  return model.kind === "splats" ? splatExtent(model.splats, SEEN) : boxExtent(model.box);
}

/** The ball through the corners of a box. */
function boxExtent({ min, max }: Box): Extent {
  const centre = [0, 1, 2].map((d) => (min[d]! + max[d]!) / 2) as [number, number, number];
  return { centre, radius: Math.hypot(...centre.map((c, d) => max[d]! - c)) };
}
