/**
 * Registry records of joined rows: values of volume rendering, whose gradients are written, and taps of a network, whose
 * gradients are added to those that are there.
 *
 * @module
 */
import { capacityOf, countsOf, type Scratch, withScratch } from "../_scratch.ts";
import type { Gpu } from "../device.ts";
import { type DifferentiableKernel, type Inputs, type Kernel, uniform } from "../kernel.ts";
import { type JoinBuffers, type JoinConfig, joinFeaturesOps, referenceJoin, referenceSplit } from "./join_features.ts";

type Part = "first" | "second";
type Outcome = Record<Part, Float32Array>;

/** Values are copied; those that are added are drawn as multiples of 2^-23, and their sums are exact. */
const EXACT = { absolute: 0, relative: 0 };

const relu = (x: number) => x <= 0 ? 0 : x;

/** Bytes of the buffers, but for `counts`. */
function bytesOf({ first, second }: JoinConfig, capacity: number) {
  return { first: capacity * first * 16, second: capacity * second * 16, joined: capacity * (first + second) * 16 };
}

/** Buffers of both parts as they are given. */
function buffersOf(s: Scratch, config: JoinConfig, { first, second }: Inputs<Part>): JoinBuffers {
  const rows = first.length / 4 / config.first, capacity = capacityOf(rows);
  return {
    counts: s.upload("counts", countsOf(rows)),
    first: s.upload("first", first),
    second: s.upload("second", second),
    joined: s.buffer("joined", bytesOf(config, capacity).joined),
    capacity,
  };
}

async function runForward(gpu: Gpu, config: JoinConfig, input: Inputs<Part>): Promise<Float32Array> {
  return await withScratch(gpu, async (s) => {
    const buffers = buffersOf(s, config, input);
    gpu.submit((await joinFeaturesOps(gpu, config, buffers)).forward);
    const [joined] = await s.read([buffers.joined, input.first.length + input.second.length]);
    return new Float32Array(joined!);
  });
}

/** Gradients of both parts; given `before`, that is what they are added to. */
async function runBackward(
  gpu: Gpu,
  config: JoinConfig,
  input: Inputs<Part>,
  { joined }: Inputs<"joined">,
  before?: Inputs<Part>,
): Promise<Outcome> {
  return await withScratch(gpu, async (s) => {
    const buffers = buffersOf(s, config, input), bytes = bytesOf(config, buffers.capacity);
    const gradients = (["first", "second"] as const).map((part) =>
      before ? s.upload(`${part} gradient`, before[part]) : s.buffer(`${part} gradient`, bytes[part])
    );
    const [first, second] = gradients as [GPUBuffer, GPUBuffer];
    const { backward } = await joinFeaturesOps(gpu, config, buffers, {
      joined: s.upload("joined gradient", joined),
      first,
      second,
      mode: before ? "add" : "write",
    });
    gpu.submit(backward);
    const read = await s.read([first, input.first.length], [second, input.second.length]);
    return { first: new Float32Array(read[0]!), second: new Float32Array(read[1]!) };
  });
}

function valuesRecord(name: string, config: JoinConfig): DifferentiableKernel<Part, "joined", "joined", Part> {
  return {
    name,
    kind: "differentiable",
    sample: (rng, rows) => ({
      first: uniform(rng, rows * 4 * config.first),
      second: uniform(rng, rows * 4 * config.second),
    }),
    forward: async (gpu, input) => ({ joined: await runForward(gpu, config, input) }),
    reference: ({ first, second }) => ({ joined: referenceJoin(config, first, second) }),
    differentiable: ["first", "second"],
    seed: (rng, { first, second }) => ({ joined: uniform(rng, first.length + second.length) }),
    backward: (gpu, input, gradient) => runBackward(gpu, config, input, gradient),
    referenceBackward: (_, gradient) => referenceSplit(config, gradient.joined),
    tolerance: { joined: EXACT, first: EXACT, second: EXACT },
    poison: { forward: ["first", "second"], backward: ["joined"] },
    limits: ({ first }) => [
      { name: "counts", bytes: 16 },
      ...Object.entries(bytesOf(config, capacityOf(first.length / 4 / config.first))).flatMap(([part, bytes]) => [
        { name: part, bytes },
        { name: `${part} gradient`, bytes },
      ]),
    ],
    manyWorkgroups: { limit: 2, size: 133 },
  };
}

/**
 * The second input is the argument of the ReLU, whose gradient is added to. What is there already came through the network
 * behind each part: as if both parts were outputs, too.
 */
function tapsRecord(
  name: string,
  config: JoinConfig,
): DifferentiableKernel<Part, Part | "joined", Part | "joined", Part> {
  const values = valuesRecord(name, config);
  return {
    ...values,
    forward: async (gpu, { first, second }) => {
      const joined = await runForward(gpu, config, { first, second: Float32Array.from(second, relu) });
      return { joined, first, second };
    },
    reference: ({ first, second }) => ({
      joined: referenceJoin(config, first, Array.from(second, relu)),
      first: Float64Array.from(first),
      second: Float64Array.from(second),
    }),
    seed: (rng, { first, second }) => ({
      joined: uniform(rng, first.length + second.length),
      first: uniform(rng, first.length),
      second: uniform(rng, second.length),
    }),
    backward: (gpu, { first, second }, gradient) =>
      runBackward(gpu, config, { first, second: Float32Array.from(second, relu) }, gradient, gradient),
    referenceBackward: ({ second }, gradient) => {
      const parts = referenceSplit(config, gradient.joined);
      return {
        first: parts.first.map((g, i) => g + gradient.first[i]!),
        second: parts.second.map((g, i) => (second[i]! <= 0 ? 0 : g) + gradient.second[i]!),
      };
    },
    awayFromKinks: ({ second }, margin) => Array.from(second).every((x) => Math.abs(x) > margin),
    poison: { forward: ["first", "second"], backward: ["joined", "first", "second"] },
  };
}

/** Records of joined rows. */
export const joinFeaturesKernels: readonly Kernel[] = [
  valuesRecord("joined values, colour and 56 features", { first: 1, second: 14 }),
  tapsRecord("joined taps, 8 and 16", { first: 2, second: 4 }),
];
