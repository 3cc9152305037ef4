/**
 * The few validation views that trainings look at while they run.
 *
 * @module
 */
import type { MemoryItem } from "../runner/environment.ts";
import { loadViews } from "../scenes/blender.ts";
import type { SceneInfo, View } from "../scenes/scene.ts";
import { spreadViews } from "../scenes/spread.ts";

/** Views that are rendered during training. */
const LIVE_VIEWS = 4;

/**
 * Buffers of the renderer that looks at them, for the memory plan of a training.
 *
 * @param shared names of buffers that the renderer gets from the training
 */
export function liveMemory(plan: readonly MemoryItem[], shared: readonly string[] = []): MemoryItem[] {
  return plan.filter(({ name }) => !shared.includes(name)).map((item) => ({ ...item, name: `live ${item.name}` }));
}

/** Validation views spread over the split, of the size of the training views. */
export async function liveViews(info: SceneInfo): Promise<View[]> {
  const indices = spreadViews(LIVE_VIEWS, info.splits.val.views);
  const views = indices.length > 0
    ? await loadViews(info, "val", { indices, ...(info.splits.val.hasDepth ? { depth: true } : {}) })
    : [];
  const { width, height } = info.splits.train;
  return views.filter((v) => v.camera.width === width && v.camera.height === height);
}
