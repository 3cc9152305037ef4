/**
 * Registry records of the sum of squares, of floats and of fixed point.
 *
 * @module
 */
import { withScratch } from "../_scratch.ts";
import { type ForwardKernel, type Kernel, uniform } from "../kernel.ts";
import { referenceSquaredNorm, squaredNormMemory, squaredNormOps } from "./squared_norm.ts";

/** What the result holds before; the sum goes to one slot of it. */
const BEFORE = [1, 2, 3, 4], SLOT = 2;

function record(name: string, unit?: number): ForwardKernel<"elements", "result"> {
  return {
    name,
    kind: "forward",
    sample: (rng, size) => ({
      elements: unit === undefined
        ? uniform(rng, size)
        : Int32Array.from({ length: size }, () => Math.round(rng.uniform(-1, 1) / unit)),
    }),
    forward: (gpu, { elements }) =>
      withScratch(gpu, async (s) => {
        const result = s.upload("result", Float32Array.from(BEFORE));
        const source = {
          elements: s.upload("elements", elements),
          count: elements.length,
          ...(unit === undefined ? {} : { unit }),
        };
        const { ops } = s.keep(await squaredNormOps(gpu, source, result, [SLOT]));
        gpu.submit(ops[0]!);
        return { result: new Float32Array((await s.read([result, BEFORE.length]))[0]!) };
      }),
    reference: ({ elements }) => ({
      result: Float64Array.from(BEFORE, (x, i) => i === SLOT ? referenceSquaredNorm(elements, unit) : x),
    }),
    // 1.9e-7 of the value (33,400; 100,003 elements).
    tolerance: { result: { absolute: 0, relative: 6e-7 } },
    poison: { forward: unit === undefined ? ["elements"] : [] },
    limits: ({ elements }) => [
      { name: "elements", bytes: elements.byteLength },
      ...Object.entries(squaredNormMemory(1)).map(([name, bytes]) => ({ name, bytes })),
      { name: "result", bytes: 4 * BEFORE.length },
    ],
    // More than one round of every thread, and a vec4 that is not whole.
    moreSizes: [100_003],
    manyWorkgroups: { limit: 16, size: 5000 },
  };
}

/** Records of the sum of squares. */
export const squaredNormKernels: readonly Kernel[] = [
  record("sum of squares"),
  record("sum of squares, fixed point", 2 ** -24),
];
