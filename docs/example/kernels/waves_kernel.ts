/** The record of the waves kernel: what Stillroom's tests of kernels are made from. */
import { type DifferentiableKernel, type Gpu, type Scratch, uniform, withScratch } from "stillroom/kit";
import { backwardOp, referenceBackward, referenceRender, renderOp, WAVE_FLOATS } from "./waves.ts";

/** Uploads what both passes read. */
function inputsOf(s: Scratch, positions: Float32Array, waves: Float32Array) {
  const counts = new Uint32Array([positions.length / 2, waves.length / WAVE_FLOATS]);
  return {
    counts: s.upload("counts", counts, GPUBufferUsage.UNIFORM),
    positions: s.upload("positions", positions),
    waves: s.upload("waves", waves),
  };
}

async function forward(gpu: Gpu, positions: Float32Array, waves: Float32Array): Promise<Float32Array> {
  const pixels = positions.length / 2;
  return await withScratch(gpu, async (s) => {
    const colours = s.buffer("colours", pixels * 16);
    gpu.submit([await renderOp(gpu, pixels, { ...inputsOf(s, positions, waves), colours })]);
    return new Float32Array((await s.read([colours, 4 * pixels]))[0]!);
  });
}

async function backward(
  gpu: Gpu,
  positions: Float32Array,
  waves: Float32Array,
  colours: Float32Array,
): Promise<Float32Array> {
  return await withScratch(gpu, async (s) => {
    const buffers = inputsOf(s, positions, waves), gradient = s.buffer("wave gradient", waves.byteLength);
    const op = await backwardOp(gpu, waves.length / WAVE_FLOATS, buffers, s.upload("gradient", colours), gradient);
    gpu.submit([op]);
    return new Float32Array((await s.read([gradient, waves.length]))[0]!);
  });
}

/** Sizes count pixels, and waves of up to four cycles: as many. */
export const wavesKernel: DifferentiableKernel<"positions" | "waves", "colours", "colours", "waves"> = {
  name: "waves",
  kind: "differentiable",
  sample: (rng, size) => ({
    positions: uniform(rng, 2 * size, 0, 1),
    waves: uniform(rng, WAVE_FLOATS * size).map((v, i) => i % 8 < 2 ? 4 * v : v),
  }),
  forward: async (gpu, { positions, waves }) => ({
    colours: await forward(gpu, positions as Float32Array, waves as Float32Array),
  }),
  reference: ({ positions, waves }) => ({ colours: referenceRender(positions, waves) }),
  differentiable: ["waves"],
  seed: (rng, { positions }) => ({ colours: uniform(rng, 2 * positions.length) }),
  backward: async (gpu, { positions, waves }, { colours }) => ({
    waves: await backward(gpu, positions as Float32Array, waves as Float32Array, colours as Float32Array),
  }),
  referenceBackward: ({ positions, waves }, { colours }) => ({ waves: referenceBackward(positions, waves, colours) }),
  // llvmpipe's sine and cosine are off by 1e-6; worst of 40 draws of 37 waves and pixels: 9e-6, and 6.4e-5 of a gradient.
  tolerance: { colours: { absolute: 2e-5, relative: 0 }, waves: { absolute: 1.5e-4, relative: 0 } },
  poison: { forward: ["positions", "waves"], backward: ["positions", "waves", "colours"] },
  limits: ({ positions, waves }) => [
    { name: "colours or their gradient", bytes: positions.byteLength * 2 },
    { name: "positions", bytes: positions.byteLength },
    { name: "waves", bytes: waves.byteLength },
    { name: "wave gradient", bytes: waves.byteLength },
    { name: "counts", bytes: 8 },
  ],
  manyWorkgroups: { limit: 2, size: 133 },
};
