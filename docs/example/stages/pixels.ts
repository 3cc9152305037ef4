/** The pixels of a view as samples of a function of the plane, half of them held out. */
import { loadViews, overBackground, pcgHash, type SceneInfo, StageError } from "stillroom/kit";

/** Pixels of one view, in rows from the top. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  /** x and y per pixel, in pictures: pixel centres. */
  readonly positions: Float32Array;
  /** Red, green, blue, 0 per pixel. */
  readonly colours: Float32Array;
}

/** Half of the pixels, always the same ones, are never trained on. */
export function isHeldOut(pixel: number): boolean {
  return (pcgHash(pixel) & 1) === 1;
}

/** Reads a training view over the scene's background. */
export async function readPixels(scene: SceneInfo, view: number): Promise<Pixels> {
  if (view >= scene.splits.train.views) {
    throw new StageError(
      `Scene ${scene.name} has ${scene.splits.train.views} training views: there is no view ${view}`,
    );
  }
  const { rgba, camera: { width, height } } = (await loadViews(scene, "train", { indices: [view] }))[0]!;
  const rgb = overBackground(rgba, scene.background);
  const positions = Float32Array.from({ length: 2 * width * height }, (_, i) => {
    const pixel = i >> 1;
    return i % 2 === 0 ? (pixel % width + 0.5) / width : (Math.floor(pixel / width) + 0.5) / height;
  });
  const colours = Float32Array.from(
    { length: 4 * width * height },
    (_, i) => i % 4 < 3 ? rgb[3 * (i >> 2) + i % 4]! : 0,
  );
  return { width, height, positions, colours };
}

/** Those pixels for which `keep` says so. */
export function selectPixels({ positions, colours }: Pixels, keep: (pixel: number) => boolean) {
  return {
    positions: positions.filter((_, i) => keep(i >> 1)),
    colours: colours.filter((_, i) => keep(i >> 2)),
  };
}
