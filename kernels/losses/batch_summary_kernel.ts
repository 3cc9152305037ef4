/**
 * Registry records of the summary of a batch, with 4 rays per pixel; the size counts pixels.
 *
 * @module
 */
import { capacityOf, withScratch } from "../_scratch.ts";
import { type ForwardKernel, type Numbers, uniform } from "../kernel.ts";
import { batchWords } from "../rays/ray_sampler.ts";
import { batchSummaryOp, sampleSummaryOp, SUMMARY_FLOATS } from "./batch_summary.ts";
import { RAY_TERM_VECTORS } from "./photometric.ts";

const SUBRAYS = 4, TERMS = 4 * RAY_TERM_VECTORS, MOST = Math.fround(3e38);

type In = "batch" | "counts" | "rayTerms" | "featureTerms";

function referenceSummary({ batch, counts, rayTerms, featureTerms }: Numbers<In>, depth: boolean, features: boolean) {
  const pixels = batch[0]! / SUBRAYS;
  const all = new Float64Array(SUMMARY_FLOATS).fill(0).fill(MOST, 20, 24).fill(-MOST, 24);
  all.set([MOST, -MOST], 14);
  all.set([counts[0]!, counts[1]!, counts[2]!, pixels], 4);
  for (let i = 0; i < pixels; i++) {
    const t = (k: number) => rayTerms[i * TERMS + k]!;
    for (let c = 0; c < 4; c++) {
      all[c]! += t(c);
      if (features) all[8 + c]! += featureTerms[4 * i + c]!;
    }
    if (!depth || !(t(4) > 0)) continue;
    all[12]! += t(4);
    all[13]! += t(5);
    all[14] = Math.min(all[14]!, t(5) / t(4));
    all[15] = Math.max(all[15]!, t(5) / t(4));
    for (let c = 0; c < 4; c++) {
      all[16 + c]! += t(8 + c);
      all[20 + c] = Math.min(all[20 + c]!, t(8 + c) / t(4));
      all[24 + c] = Math.max(all[24 + c]!, t(8 + c) / t(4));
    }
  }
  return { sums: all };
}

function record(name: string, depth: boolean, features: boolean): ForwardKernel<In, "sums"> {
  return {
    name,
    kind: "forward",
    sample: (rng, size) => ({
      batch: batchWords(size * SUBRAYS, 0),
      counts: Uint32Array.from({ length: 4 }, () => rng.integer(2 ** 20)),
      // A third of the pixels have no ray with depth; shares are quarters.
      rayTerms: uniform(rng, size * TERMS, 0.1, 1).map((x, k) =>
        k % TERMS === 4 ? Math.max(0, rng.integer(6) - 1) / 4 : x
      ),
      featureTerms: uniform(rng, size * 4, 0, 1),
    }),
    forward: async (gpu, input) =>
      await withScratch(gpu, async (s) => {
        const summary = s.buffer("summary", SUMMARY_FLOATS * 4);
        const op = await batchSummaryOp(
          gpu,
          { subrays: SUBRAYS, depth },
          {
            counts: s.upload("counts", input.counts),
            // A binding holds the terms of one pixel at least.
            rayTerms: s.upload("ray terms", input.batch[0] === 0 ? new Float32Array(TERMS) : input.rayTerms),
            ...(features ? { featureTerms: s.upload("feature terms", input.featureTerms) } : {}),
          },
          s.upload("batch", input.batch, GPUBufferUsage.UNIFORM),
          summary,
        );
        gpu.submit([op]);
        const [words] = await s.read([summary, SUMMARY_FLOATS]);
        return { sums: new Float32Array(words!) };
      }),
    reference: (input) => referenceSummary(input, depth, features),
    // 3.1e-7 of the value (556, 1,000 pixels).
    tolerance: { sums: { absolute: 0, relative: 1e-6 } },
    // Least and greatest of a batch may pass over a NaN; the sum beside them does not.
    poison: { forward: features ? ["rayTerms", "featureTerms"] : ["rayTerms"], shownBy: { sums: "sums" } },
    limits: ({ rayTerms, featureTerms }) => [
      { name: "ray terms", bytes: capacityOf(rayTerms.length) * 4 },
      { name: "feature terms", bytes: featureTerms.byteLength },
      { name: "summary", bytes: SUMMARY_FLOATS * 4 },
      { name: "batch and counts", bytes: 32 },
    ],
    moreSizes: [64, 1000],
  };
}

/** Record of the sum over samples. */
const sampleSummaryKernel: ForwardKernel<"counts" | "loss", "sums"> = {
  name: "sample summary",
  kind: "forward",
  sample: (rng, size) => ({
    counts: new Uint32Array([size, size + rng.integer(9), rng.integer(9), 0]),
    loss: uniform(rng, size * 2, 0, 1),
  }),
  forward: async (gpu, { counts, loss }) =>
    await withScratch(gpu, async (s) => {
      const summary = s.buffer("summary", SUMMARY_FLOATS * 4);
      gpu.submit([await sampleSummaryOp(gpu, s.upload("counts", counts), s.upload("sample loss", loss), summary)]);
      const [words] = await s.read([summary, SUMMARY_FLOATS]);
      return { sums: new Float32Array(words!) };
    }),
  reference: ({ counts, loss }) => {
    const sums = new Float64Array(SUMMARY_FLOATS);
    for (let i = 0; i < loss.length; i += 2) {
      sums[0]! += loss[i]!;
      sums[2]! += loss[i + 1]!;
    }
    sums[1] = sums[0]! + sums[2]!;
    sums.set([counts[0]!, counts[1]!, counts[2]!, counts[0]!], 4);
    return { sums };
  },
  // 1.1e-7 of the value (1,010, 1,000 samples).
  tolerance: { sums: { absolute: 0, relative: 1e-6 } },
  poison: { forward: ["loss"] },
  limits: ({ loss }) => [
    { name: "sample loss", bytes: loss.byteLength },
    { name: "summary", bytes: SUMMARY_FLOATS * 4 },
    { name: "counts", bytes: 16 },
  ],
  moreSizes: [64, 1000],
};

/** Records of the summaries. */
export const batchSummaryKernels = [
  sampleSummaryKernel,
  record("batch summary", false, false),
  record("batch summary with depth and features", true, true),
] as const;
