/**
 * Registry records of the prefix sum that gives each ray its place in the list of samples: with room for all, and with a
 * capacity that some rays do not fit.
 *
 * @module
 */
import { capacityOf } from "../_scratch.ts";
import type { ExactKernel, Kernel } from "../kernel.ts";
import { batchWords, raySamplerMemory } from "../rays/ray_sampler.ts";
import { runStage, SAMPLER } from "../rays/ray_sampler_kernel.ts";

/** Plain prefix sum: a ray whose samples would pass the capacity gets none; neither do the rays behind it. */
function reference(rayCounts: ArrayLike<number>, capacity: number) {
  const n = rayCounts.length;
  const spans = new Uint32Array(2 * n);
  let start = 0, used = 0;
  for (let i = 0; i < n; i++) {
    const fits = start + rayCounts[i]! <= capacity;
    spans.set([Math.min(start, capacity), fits ? rayCounts[i]! : 0], 2 * i);
    start += rayCounts[i]!;
    if (fits) used = start;
  }
  // Dropped are those that wanted samples and got none.
  const dropped = Array.from(rayCounts).filter((count, i) => count > 0 && spans[2 * i + 1] === 0).length;
  return { spans, counts: new Uint32Array([used, start, dropped, n]) };
}

function record(name: string, capacity: number): ExactKernel<"rayCounts" | "batch", "spans" | "counts"> {
  const config = { ...SAMPLER, sampleCapacity: capacity };
  return {
    name,
    kind: "exact",
    sample: (rng, size) => ({
      rayCounts: Uint32Array.from(
        { length: size },
        () => rng.integer(3) === 0 ? 0 : rng.integer(SAMPLER.mostSamples + 1),
      ),
      batch: batchWords(size, 0),
    }),
    forward: async (gpu, { rayCounts, batch }) => {
      const [spans, counts] = await runStage(gpu, config, "sample spans", batch, { rayCounts }, [
        ["spans", 2 * rayCounts.length],
        ["counts", 4],
      ]);
      return { spans: new Uint32Array(spans!), counts: new Uint32Array(counts!) };
    },
    reference: ({ rayCounts }) => reference(rayCounts, capacity),
    tolerance: {},
    poison: { forward: [] },
    limits: ({ batch }) => [
      ...raySamplerMemory({ ...config, rayCapacity: capacityOf(batch[0]!) }),
      { name: "cameras, occupancy and batch", bytes: 256 },
    ],
    // One workgroup of 64 lanes: several rays per lane, and a number that 64 does not divide.
    moreSizes: [64, 1000],
  };
}

/** Records of the prefix sum. */
export const spansKernels: readonly Kernel[] = [
  record("sample spans", SAMPLER.sampleCapacity * 4),
  record("sample spans, some rays do not fit", 60),
];
