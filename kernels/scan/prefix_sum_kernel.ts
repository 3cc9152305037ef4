/**
 * Registry records of the prefix sum: the layouts of both kinds of device, counts below and beyond the capacity,
 * a total beside the count, and sums that saturate.
 *
 * @module
 */
import { withScratch } from "../_scratch.ts";
import type { ExactKernel, Kernel } from "../kernel.ts";
import { prefixSumMemory, prefixSumOps, type RunLayout } from "./prefix_sum.ts";

const SATURATED = 2 ** 32 - 1;

/** Words of `counts`: what is not read, the number of elements, and room for a total. */
const COUNT_SLOT = 1, TOTAL_SLOT = 2;

interface Variant {
  readonly name: string;
  readonly layout: RunLayout;
  /** Largest element. */
  readonly largest: number;
  /** Share of the capacity that is counted. */
  readonly filled: number;
  /** The total goes to the buffer of the counts. */
  readonly totalInCounts: boolean;
  readonly moreSizes: readonly number[];
  readonly manyWorkgroups: { readonly limit: number; readonly size: number };
}

function record(v: Variant): ExactKernel<"counts" | "input", "output" | "total"> {
  const configOf = (input: ArrayLike<number>) => ({
    capacity: Math.max(1, input.length),
    countSlot: COUNT_SLOT,
    totalSlot: TOTAL_SLOT,
  });
  return {
    name: v.name,
    kind: "exact",
    sample: (rng, size) => ({
      counts: new Uint32Array([rng.next(), Math.floor(size * v.filled), rng.next()]),
      input: Uint32Array.from({ length: size }, () => rng.integer(3) === 0 ? 0 : rng.integer(v.largest + 1)),
    }),
    forward: (gpu, { counts, input }) =>
      withScratch(gpu, async (s) => {
        const countBuffer = s.upload("counts", counts);
        const total = v.totalInCounts ? countBuffer : s.buffer("total", counts.byteLength);
        const output = s.buffer("output", input.byteLength);
        const buffers = { counts: countBuffer, input: s.upload("input", input), output, total };
        gpu.submit(s.keep(await prefixSumOps(gpu, configOf(input), buffers, v.layout)).ops);
        const [sums, totals] = await s.read(
          [output, Math.min(counts[COUNT_SLOT]!, input.length)],
          [total, counts.length],
        );
        return { output: new Uint32Array(sums!), total: new Uint32Array(totals!).slice(TOTAL_SLOT) };
      }),
    reference: ({ counts, input }) => {
      const output = new Uint32Array(Math.min(counts[COUNT_SLOT]!, input.length));
      let sum = 0;
      for (let i = 0; i < output.length; i++) {
        output[i] = Math.min(sum, SATURATED);
        sum += input[i]!;
      }
      return { output, total: new Uint32Array([Math.min(sum, SATURATED)]) };
    },
    tolerance: {},
    poison: { forward: [] },
    limits: ({ counts, input }) => [
      { name: "counts", bytes: counts.length * 4 },
      { name: "total", bytes: counts.length * 4 },
      { name: "input", bytes: input.length * 4 },
      { name: "output", bytes: input.length * 4 },
      { name: "prefix sums of runs", bytes: prefixSumMemory(configOf(input), v.layout).sums },
    ],
    moreSizes: v.moreSizes,
    manyWorkgroups: v.manyWorkgroups,
  };
}

/** Runs that grow with the count: 4 workgroups, whose last one is empty, or has idle lanes, at some sizes. */
const FEW_THREADS = {
  layout: { threads: 32, least: 15, workgroup: 8 },
  moreSizes: [15, 120, 121, 479, 480, 481, 3000, 20_011],
  manyWorkgroups: { limit: 3, size: 1000 },
};

/** Runs of 15 elements: a number of workgroups that grows with the count. */
const MANY_THREADS = {
  layout: { threads: 2 ** 17, least: 15, workgroup: 64 },
  moreSizes: [959, 960, 961, 20_011],
  manyWorkgroups: { limit: 2, size: 2500 },
};

/** Records of the prefix sum. */
export const prefixSumKernels: readonly Kernel[] = [
  record({ name: "prefix sum, few threads", largest: 9, filled: 1, totalInCounts: false, ...FEW_THREADS }),
  record({ name: "prefix sum, many threads", largest: 9, filled: 1, totalInCounts: true, ...MANY_THREADS }),
  record({
    name: "prefix sum, few threads, saturates, partly filled",
    largest: 2 ** 28,
    filled: 0.8,
    totalInCounts: true,
    ...FEW_THREADS,
  }),
  record({
    name: "prefix sum, many threads, saturates, count beyond the capacity",
    largest: 2 ** 28,
    filled: 1.5,
    totalInCounts: false,
    ...MANY_THREADS,
  }),
];
