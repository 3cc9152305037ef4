/**
 * What a training step has to say: sums, minima and maxima over the rays of a batch, beside the sampler's counts.
 *
 * @module
 */
import type { Binding, Gpu, Op } from "../device.ts";
import { link } from "../link.ts";
import body from "./batch_summary.wgsl" with { type: "text" };
import sampleBody from "./sample_summary.wgsl" with { type: "text" };
import summaryStruct from "./summary.wgsl" with { type: "text" };

/** What is summed. */
export interface BatchSummaryConfig {
  /** Rays averaged per pixel. */
  readonly subrays: number;
  /** Whether rays were compared with depth. */
  readonly depth: boolean;
}

/** Buffers of one batch. */
export interface BatchSummaryBuffers {
  /** The sampler's counts. */
  readonly counts: GPUBuffer;
  /** `[pixel]` see `photometric.ts`. */
  readonly rayTerms: GPUBuffer;
  /** `[pixel]` vec4: L2, cosine, and what each is valid for, see `feature_loss.ts`. */
  readonly featureTerms?: GPUBuffer | undefined;
}

/** Floats of a summary. */
export const SUMMARY_FLOATS = 28;

/** One op: `batch` says how many rays there are, `summary` takes {@linkcode SUMMARY_FLOATS}. */
export async function batchSummaryOp(
  gpu: Gpu,
  config: BatchSummaryConfig,
  { counts, rayTerms, featureTerms }: BatchSummaryBuffers,
  batch: Binding,
  summary: Binding,
): Promise<Op> {
  const code = body
    .replace(
      "FEATURE_BINDING",
      featureTerms ? "@group(0) @binding(4) var<storage, read> feature_terms: array<vec4f>;" : "",
    )
    .replace("FEATURE_TERM", featureTerms ? "sum.features += feature_terms[i];" : "");
  const bindings = [batch, counts, rayTerms, summary, ...(featureTerms ? [featureTerms] : [])];
  return await gpu.op(
    "batch summary",
    link({ WG: 64, SUBRAYS: config.subrays, DEPTH: config.depth }, summaryStruct, code),
    bindings,
    {
      threads: 1,
      workgroup: 1,
    },
  );
}

/**
 * One op that sums a loss over samples: `loss` is `[sample]` vec2, colour and opacity. In what {@linkcode readSummaries} makes of it
 * samples take the place of pixels, and the squared error is the sum of both.
 */
export async function sampleSummaryOp(gpu: Gpu, counts: GPUBuffer, loss: GPUBuffer, summary: Binding): Promise<Op> {
  const code = link({ WG: 64 }, summaryStruct, sampleBody);
  return await gpu.op("sample summary", code, [counts, loss, summary], { threads: 1, workgroup: 1 });
}

/** Least, greatest and mean of a quantity over a batch; NaN where no ray has it. */
export interface Range {
  readonly min: number;
  readonly max: number;
  readonly mean: number;
}

/** A batch in numbers. Losses are means over its pixels, before any weight. */
export interface BatchSummary {
  readonly colour: number;
  readonly squaredError: number;
  readonly alpha: number;
  /** Over the rays that have depth. */
  readonly depth: number;
  /** Over the pixels whose features are known. */
  readonly featureL2: number;
  /** Over the pixels where features are compared by direction. */
  readonly featureCosine: number;
  readonly featureValidFraction: number;
  /** Share of the pixels where features are compared by direction. */
  readonly featureCosineFraction: number;
  /** Rays with depth, as a share. */
  readonly depthValidFraction: number;
  readonly rayRange: Range;
  /** True (or the teacher's) depth, world units. */
  readonly trueDepth: Range;
  /** The same between each ray's near (0) and far (1). */
  readonly trueDepthNormalised: Range;
  readonly studentDepth: Range;
  readonly studentDepthNormalised: Range;
  readonly samples: number;
  readonly samplesWanted: number;
  readonly raysDropped: number;
  readonly pixels: number;
}

/** Reads one or more summaries (several steps) as one: sums are added, minima and maxima taken over all. */
export function readSummaries(summaries: readonly Float32Array[]): BatchSummary {
  const sum = (k: number) => summaries.reduce((total, s) => total + s[k]!, 0);
  const least = (k: number) => summaries.reduce((m, s) => Math.min(m, s[k]!), Infinity);
  const most = (k: number) => summaries.reduce((m, s) => Math.max(m, s[k]!), -Infinity);
  const n = summaries.length, pixels = sum(7), valid = sum(12), compared = sum(10);
  const share = (value: number, of: number) => of > 0 ? value / of : NaN;
  const range = (total: number, min: number, max: number): Range =>
    valid > 0 ? { min, max, mean: total / valid } : { min: NaN, max: NaN, mean: NaN };
  const depth = (c: number) => range(sum(16 + c), least(20 + c), most(24 + c));
  return {
    colour: sum(0) / pixels,
    squaredError: sum(1) / pixels,
    alpha: sum(2) / pixels,
    depth: share(sum(3), valid),
    featureL2: share(sum(8), compared),
    featureCosine: share(sum(9), sum(11)),
    featureValidFraction: compared / pixels,
    featureCosineFraction: sum(11) / pixels,
    depthValidFraction: valid / pixels,
    rayRange: range(sum(13), least(14), most(15)),
    trueDepth: depth(0),
    trueDepthNormalised: depth(1),
    studentDepth: depth(2),
    studentDepthNormalised: depth(3),
    samples: sum(4) / n,
    samplesWanted: sum(5) / n,
    raysDropped: sum(6) / n,
    pixels: pixels / n,
  };
}
