/** A procedural picture that tests fit Gaussians to, and the device that they share. */
import { type Gpu, openGpu } from "../kernels/device.ts";
import { type PictureTarget, pictureTarget } from "../scenes/picture.ts";

let opening: Promise<Gpu> | undefined;

/** The device of the tests of one file. */
export function pictureGpu(): Promise<Gpu> {
  return opening ??= openGpu();
}

/** Smooth waves with a disc of another colour: neither flat nor noise. */
export function smallPicture(width = 32, height = 24, name = "waves"): PictureTarget {
  const rgb = Float64Array.from({ length: width * height * 3 }, (_, i) => {
    const c = i % 3, x = Math.floor(i / 3) % width, y = Math.floor(i / 3 / width);
    const inside = Math.hypot(x - 0.7 * width, y - 0.4 * height) < 0.25 * height;
    const wave = 0.5 + 0.3 * Math.sin((x + 5 * c) / 6) * Math.cos((y - 3 * c) / (4 + c));
    return inside ? [0.95, 0.85, 0.1][c]! : wave;
  });
  return pictureTarget(name, width, height, rgb);
}

/** A picture of one colour. */
export function plainPicture(width: number, height: number, colour: readonly number[], name = "plain"): PictureTarget {
  return pictureTarget(
    name,
    width,
    height,
    Float64Array.from({ length: width * height * 3 }, (_, i) => colour[i % 3]!),
  );
}
