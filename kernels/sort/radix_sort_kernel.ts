/**
 * Registry records of the radix sort: the layouts of both kinds of device, several numbers of bits, keys that are
 * random, few, sorted and reversed, and counts below and beyond the capacity.
 *
 * @module
 */
import { withScratch } from "../_scratch.ts";
import type { ExactKernel, Kernel } from "../kernel.ts";
import type { Pcg } from "../random/pcg.ts";
import { type RadixSortLayout, radixSortMemory, radixSortOps } from "./radix_sort.ts";

/** Word of `counts` that holds the number of pairs. */
const COUNT_SLOT = 1;

interface Variant {
  readonly name: string;
  readonly layout: RadixSortLayout;
  readonly bits: number;
  /** Key of pair `i` of `size`. */
  readonly key: (rng: Pcg, i: number, size: number) => number;
  /** Share of the capacity that is counted. */
  readonly filled: number;
  readonly moreSizes: readonly number[];
  readonly manyWorkgroups: { readonly limit: number; readonly size: number };
}

function record(v: Variant): ExactKernel<"counts" | "keys" | "values", "keys" | "values"> {
  const configOf = (keys: ArrayLike<number>) => ({
    capacity: Math.max(1, keys.length),
    bits: v.bits,
    countSlot: COUNT_SLOT,
  });
  return {
    name: v.name,
    kind: "exact",
    sample: (rng, size) => ({
      counts: new Uint32Array([rng.next(), Math.floor(size * v.filled)]),
      keys: Uint32Array.from({ length: size }, (_, i) => v.key(rng, i, size)),
      values: Uint32Array.from({ length: size }, () => rng.next()),
    }),
    forward: (gpu, input) =>
      withScratch(gpu, async (s) => {
        const buffers = {
          counts: s.upload("counts", input.counts),
          keys: s.upload("keys", input.keys),
          values: s.upload("values", input.values),
        };
        const sort = s.keep(await radixSortOps(gpu, configOf(input.keys), buffers, v.layout));
        gpu.submit(sort.ops);
        const [keys, values] = await s.read([sort.keys, input.keys.length], [sort.values, input.values.length]);
        return { keys: new Uint32Array(keys!), values: new Uint32Array(values!) };
      }),
    reference: ({ counts, keys, values }) => {
      const low = (i: number) => keys[i]! % 2 ** v.bits;
      const order = Array.from(keys, (_, i) => i);
      const count = Math.min(counts[COUNT_SLOT]!, keys.length);
      const sorted = order.slice(0, count).sort((a, b) => low(a) - low(b) || a - b);
      const all = [...sorted, ...order.slice(count)];
      return { keys: Uint32Array.from(all, (i) => keys[i]!), values: Uint32Array.from(all, (i) => values[i]!) };
    },
    tolerance: {},
    poison: { forward: [] },
    limits: ({ counts, keys }) => [
      { name: "counts", bytes: counts.length * 4 },
      { name: "keys", bytes: keys.length * 4 },
      { name: "values", bytes: keys.length * 4 },
      ...Object.entries(radixSortMemory(configOf(keys), v.layout)).map(([name, bytes]) => ({ name, bytes })),
    ],
    moreSizes: v.moreSizes,
    manyWorkgroups: v.manyWorkgroups,
  };
}

/** Runs that grow with the count, and digits of up to 8 bits. */
const FEW_THREADS = {
  layout: { threads: 32, least: 15, workgroup: 8, digit: 8, scan: { threads: 32, least: 15, workgroup: 8 } },
  moreSizes: [120, 121, 480, 481, 5003],
  manyWorkgroups: { limit: 3, size: 1000 },
};

/** Runs of 15 pairs, and digits of up to 4 bits. */
const MANY_THREADS = {
  layout: {
    threads: 2 ** 18,
    least: 15,
    workgroup: 64,
    digit: 4,
    scan: { threads: 2 ** 17, least: 15, workgroup: 64 },
  },
  moreSizes: [960, 961, 5003],
  manyWorkgroups: { limit: 2, size: 2500 },
};

const any = (rng: Pcg) => rng.next();
const few = (rng: Pcg) => rng.integer(3) * 0x01010101;

/** Records of the radix sort. */
export const radixSortKernels: readonly Kernel[] = [
  record({ name: "radix sort, 32 bits, few threads", bits: 32, key: any, filled: 1, ...FEW_THREADS }),
  record({ name: "radix sort, 32 bits, many threads", bits: 32, key: any, filled: 1, ...MANY_THREADS }),
  record({
    name: "radix sort, 12 bits, few threads, partly filled",
    bits: 12,
    key: any,
    filled: 0.7,
    ...FEW_THREADS,
  }),
  record({
    name: "radix sort, 10 bits, many threads, count beyond the capacity",
    bits: 10,
    key: any,
    filled: 1.5,
    ...MANY_THREADS,
  }),
  record({ name: "radix sort, 1 bit, few threads", bits: 1, key: any, filled: 1, ...FEW_THREADS }),
  record({ name: "radix sort, 17 bits, many threads, few keys", bits: 17, key: few, filled: 1, ...MANY_THREADS }),
  record({ name: "radix sort, 32 bits, few threads, few keys", bits: 32, key: few, filled: 1, ...FEW_THREADS }),
  record({
    name: "radix sort, 32 bits, few threads, sorted",
    bits: 32,
    key: (_, i) => i * 65_537,
    filled: 1,
    ...FEW_THREADS,
  }),
  record({
    name: "radix sort, 13 bits, many threads, reversed",
    bits: 13,
    key: (_, i, size) => size - i,
    filled: 1,
    ...MANY_THREADS,
  }),
];
