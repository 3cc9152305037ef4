/**
 * Registry records of the picture of Gaussians in integers: both blends, Gaussians of all shapes in and around a picture whose sides
 * are no multiples of a tile's.
 *
 * @module
 */
import { withScratch } from "../_scratch.ts";
import type { ExactKernel, Kernel } from "../kernel.ts";
import { type IntegerGaussians, INTEGERS, renderIntegerGaussians } from "./integer_gaussians.ts";
import { integerPictureMemory, integerPictureOp, integerTiles } from "./integer_picture.ts";

const WIDTH = 45, HEIGHT = 29;

function record(blend: "average" | "sum"): ExactKernel<"gaussians", "picture"> {
  const of = (gaussians: ArrayLike<number>): IntegerGaussians => ({
    ...{ width: WIDTH, height: HEIGHT, blend, count: gaussians.length / INTEGERS },
    values: Int32Array.from(gaussians),
  });
  return {
    name: `integer picture, ${blend}`,
    kind: "exact",
    sample: (rng, size) => {
      const gaussians = new Int32Array(size * INTEGERS);
      for (let k = 0; k < size; k++) {
        // From 0.3 px to far larger than the picture, and sheared.
        const small = Math.floor(2 ** rng.uniform(8, 21.5)), large = Math.floor(2 ** rng.uniform(8, 21.5));
        const colour = () => Math.round(rng.uniform(-1, 1) * (rng.integer(4) === 0 ? 32_767 : 4096));
        const place = (length: number) => rng.integer((length + 16) * 16) - 128;
        gaussians.set(
          [
            place(WIDTH),
            place(HEIGHT),
            small,
            Math.round(rng.uniform(-1, 1) * 2 ** rng.uniform(8, 21.5)),
            large,
            colour(),
            colour(),
            colour(),
          ],
          k * INTEGERS,
        );
      }
      return { gaussians };
    },
    forward: (gpu, { gaussians }) =>
      withScratch(gpu, async (s) => {
        const { op, picture } = s.keep(await integerPictureOp(gpu, of(gaussians)));
        gpu.submit([op]);
        const [words] = await s.read([picture, WIDTH * HEIGHT]);
        return { picture: new Uint32Array(words!) };
      }),
    reference: ({ gaussians }) => {
      const bytes = renderIntegerGaussians(of(gaussians));
      const word = (i: number) =>
        bytes[3 * i]! + bytes[3 * i + 1]! * 2 ** 8 + bytes[3 * i + 2]! * 2 ** 16 + 255 * 2 ** 24;
      return { picture: Uint32Array.from({ length: WIDTH * HEIGHT }, (_, i) => word(i)) };
    },
    tolerance: {},
    poison: { forward: [] },
    limits: ({ gaussians }) => integerPictureMemory(of(gaussians), integerTiles(of(gaussians))),
    moreSizes: [2000],
    manyWorkgroups: { limit: 5, size: 20 },
  };
}

/** Records of the picture of Gaussians in integers. */
export const integerPictureKernels: readonly Kernel[] = [record("average"), record("sum")];
