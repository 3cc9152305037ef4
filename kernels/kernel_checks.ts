/**
 * The tests that every kernel must pass, made from its record: {@linkcode testKernel} holds no code for any one kernel, so that
 * a kernel is tested the day its record is written. Only tests import this file.
 *
 * @module
 */
import assert from "node:assert/strict";
import { assertClose, assertSameBits, notFinite, worstError } from "./_compare.ts";
import type { Gpu } from "./device.ts";
import type { DifferentiableKernel, Expected, Inputs, Kernel, Numbers, Outputs } from "./kernel.ts";
import { checkPlan } from "./memory_plan.ts";
import { Pcg, pcgHash } from "./random/pcg.ts";

const SIZES = [0, 1, 37];
/** Distance from kinks: beyond what f32 rounding moves a value, and beyond what a central difference does. */
const ROUNDING = 1e-5, DIFFERENCE = 1e-4;
const POISON = 0x7fc0dead;

/**
 * Registers every test that applies to a kernel with `Deno.test`: forward and backward against the float64 reference, the
 * reference's backward against central differences, reruns bit-equal and every value written, split dispatches, the memory plan,
 * and what damaged inputs do.
 *
 * ```ts ignore
 * const gpu = await openGpu();
 * testKernel(gpu, wavesKernel);
 * ```
 *
 * @param gpu an open device, one for all kernels of a test file
 */
export function testKernel(gpu: Gpu, kernel: Kernel): void {
  testForward(gpu, kernel);
  if (kernel.kind === "differentiable") testBackward(gpu, kernel);
  testReruns(gpu, kernel);
  testSplitDispatch(gpu, kernel);
  testLimits(gpu, kernel);
  testPoison(gpu, kernel);
}

/** A generator that depends on the kernel's name, so that a new kernel changes no other one's inputs. */
function rngOf(kernel: Kernel, stream: number): Pcg {
  return new Pcg([...kernel.name].reduce((hash, c) => pcgHash(hash ^ c.codePointAt(0)!), stream));
}

/** Inputs of `size` elements, away from kinks. */
function draw(kernel: Kernel, rng: Pcg, size: number, margin = ROUNDING): Inputs {
  for (let attempt = 0; attempt < 300; attempt++) {
    const input = kernel.sample(rng, size);
    if (kernel.awayFromKinks?.(input, margin) ?? true) return input;
  }
  throw new Error(`${kernel.name}: 300 draws of size ${size} all lay within ${margin} of a kink`);
}

const dot = (a: ArrayLike<number>, b: ArrayLike<number>) => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
};

/** Runs with buffers filled with NaN, so that what is read but never written shows. */
async function poisoned<T>(gpu: Gpu, run: () => Promise<T>): Promise<T> {
  gpu.fill = "poison";
  try {
    return await run();
  } finally {
    gpu.fill = "zero";
  }
}

/** Everything a kernel computes from one input: the forward pass and, where there is one, the backward pass. */
function passes(gpu: Gpu, kernel: Kernel, input: Inputs, rng: Pcg): { name: string; run: () => Promise<Outputs> }[] {
  const forward = { name: "forward", run: () => kernel.forward(gpu, input) };
  if (kernel.kind !== "differentiable") return [forward];
  const gradient = kernel.seed(rng, input);
  return [forward, { name: "backward", run: () => kernel.backward(gpu, input, gradient) }];
}

function testForward(gpu: Gpu, kernel: Kernel): void {
  const sizes = [...SIZES, ...(kernel.moreSizes ?? [])];
  Deno.test(`${kernel.name}: forward equals the reference at sizes ${sizes.join(", ")}`, async () => {
    for (const size of sizes) {
      const input = draw(kernel, rngOf(kernel, size), size);
      assertClose(await kernel.forward(gpu, input), kernel.reference(input), kernel.tolerance, `size ${size}`);
    }
  });
}

function testBackward(gpu: Gpu, kernel: DifferentiableKernel): void {
  Deno.test(`${kernel.name}: backward equals the reference at sizes ${SIZES.join(", ")}`, async () => {
    for (const size of SIZES) {
      const rng = rngOf(kernel, 100 + size);
      const input = draw(kernel, rng, size), gradient = kernel.seed(rng, input);
      const want = kernel.referenceBackward(input, gradient);
      assertClose(await kernel.backward(gpu, input, gradient), want, kernel.tolerance, `size ${size}`);
    }
  });

  Deno.test(`${kernel.name}: reference backward equals central differences`, () => {
    const rng = rngOf(kernel, 2);
    const input = draw(kernel, rng, 3, DIFFERENCE), gradient = kernel.seed(rng, input);
    const back = kernel.referenceBackward(input, gradient);
    const loss = (numbers: Numbers) => {
      const outputs = kernel.reference(numbers);
      return Object.entries(gradient).reduce((sum, [name, g]) => sum + dot(g, outputs[name]!), 0);
    };
    const h = 1e-6, base = loss(input);
    for (const name of kernel.differentiable) {
      const x = Float64Array.from(input[name]!), dx = back[name]!;
      assert.equal(dx.length, x.length, `length of the gradient of ${name}`);
      const along = (direction: ArrayLike<number>, label: string) => {
        const at = (step: number) => loss({ ...input, [name]: x.map((v, i) => v + step * direction[i]!) });
        const numeric = (at(h) - at(-h)) / (2 * h);
        const analytic = dot(dx, direction);
        const { ratio } = worstError([numeric], [analytic], { absolute: 2e-9 * (1 + Math.abs(base)), relative: 1e-6 });
        assert.ok(ratio <= 1, `${name} along ${label}: gradient ${analytic}, difference ${numeric}`);
      };
      for (let d = 0; d < 3; d++) along(x.map(() => rng.uniform(-1, 1)), `random direction ${d}`);
      for (let c = 0; c < 6; c++) {
        const i = rng.integer(x.length);
        along(x.map((_, j) => j === i ? 1 : 0), `element ${i}`);
      }
    }
  });
}

function testReruns(gpu: Gpu, kernel: Kernel): void {
  Deno.test(`${kernel.name}: reruns are bit-equal and write every value they return`, async () => {
    const rng = rngOf(kernel, 3);
    for (const { name, run } of passes(gpu, kernel, draw(kernel, rng, 37), rng)) {
      const first = await run();
      assertSameBits(await run(), first, `${name}, second run`);
      const again = await poisoned(gpu, run);
      assertSameBits(again, first, `${name} over poisoned buffers`);
      for (const [output, values] of Object.entries(again)) {
        if (values.BYTES_PER_ELEMENT !== 4) continue;
        const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
        assert.equal(words.indexOf(POISON), -1, `${name}: an element of ${output} was never written`);
      }
    }
  });
}

function testSplitDispatch(gpu: Gpu, kernel: Kernel): void {
  const many = kernel.manyWorkgroups;
  if (!many) return;
  Deno.test(`${kernel.name}: a dispatch split at ${many.limit} workgroups per dimension changes no bit`, async () => {
    const rng = rngOf(kernel, 4);
    const whole = gpu.maxWorkgroupsPerDimension, split = gpu.split.bind(gpu);
    for (const { name, run } of passes(gpu, kernel, kernel.sample(rng, many.size), rng)) {
      const want = await run();
      let splits = 0;
      gpu.split = (groups, y) => {
        const shape = split(groups, y);
        if (shape[2] > 1) splits++;
        return shape;
      };
      gpu.maxWorkgroupsPerDimension = many.limit;
      try {
        assertSameBits(await run(), want, name);
      } finally {
        gpu.maxWorkgroupsPerDimension = whole;
        gpu.split = split;
      }
      assert.ok(splits > 0, `${name}: ${many.size} elements needed no split`);
    }
  });
}

function testLimits(gpu: Gpu, kernel: Kernel): void {
  Deno.test(`${kernel.name}: limits covers every buffer, and one that is too large is named`, async () => {
    const rng = rngOf(kernel, 5);
    const input = draw(kernel, rng, 37), plan = kernel.limits(input);
    assert.equal(checkPlan(plan, gpu.adapter.limits), undefined);
    const planned = plan.reduce((sum, { bytes }) => sum + Math.max(16, Math.ceil(bytes / 16) * 16), 0);
    for (const { name, run } of passes(gpu, kernel, input, rng)) {
      const before = gpu.memory.liveBytes;
      gpu.memory.resetPeak();
      await run();
      assert.equal(gpu.memory.liveBytes, before, `${name} frees what it made`);
      assert.ok(
        gpu.memory.peakBytes - before <= planned,
        `${name} used ${gpu.memory.peakBytes - before} bytes, planned were ${planned}`,
      );
    }
    const largest = plan.reduce((a, b) => b.bytes > a.bytes ? b : a);
    const limits = { maxStorageBufferBindingSize: largest.bytes - 1, maxBufferSize: largest.bytes - 1 };
    const sentence = checkPlan(plan, limits);
    assert.match(
      sentence ?? "",
      /^".+" needs [\d.]+ MiB, but this device allows [\d.]+ MiB per (storage binding|buffer)$/,
    );
    assert.ok(sentence!.startsWith(`"${largest.name}"`), sentence);
  });
}

/** `values` with one element replaced. */
const replaced = (values: Inputs[string], at: number, by: number) => {
  const copy = values.slice();
  copy[at] = by;
  return copy;
};

/**
 * Damages one element of one tensor and compares the device with what the reference makes of the same damage; the rule is
 * told at `PoisonRule`.
 */
async function checkPoison(kernel: Kernel, options: {
  readonly name: string;
  readonly input: Inputs;
  readonly tensor: Inputs[string];
  readonly rng: Pcg;
  readonly clean: Outputs;
  readonly run: (tensor: Inputs[string]) => Promise<Outputs>;
  readonly reference: (tensor: Inputs[string]) => Expected;
  readonly smooth: (tensor: Inputs[string]) => boolean;
}): Promise<void> {
  const { name, input, tensor, rng, clean, run, reference, smooth } = options;
  const want = reference(tensor);
  const { shownBy = {}, group } = kernel.poison;
  const counters = new Set(Object.values(shownBy).filter((c) => clean[c] instanceof Uint32Array));
  // An element that matters: not padding, not a channel that nothing reads.
  const matters = (i: number) =>
    Object.values(reference(replaced(tensor, i, NaN))).some((v) => notFinite(v).length > 0);
  const candidates = Array.from({ length: 100 }, () => rng.integer(tensor.length));
  const at = candidates.find(matters);
  assert.ok(at !== undefined, `${kernel.name}: NaN in ${name} reaches no output of the reference`);
  for (const value of [NaN, Infinity, 1e-40]) {
    const damaged = replaced(tensor, at, value);
    const got = await run(damaged), expected = reference(damaged);
    const context = `${value} in ${name}[${at}]`;
    for (const [output, now] of Object.entries(expected)) {
      const found = got[output]!, before = clean[output]!;
      if (counters.has(output)) continue;
      for (let i = 0; i < now.length; i++) {
        const where = `${context}: ${output}[${i}] is ${found[i]}, was ${before[i]}, reference ${now[i]}`;
        if (!Number.isFinite(now[i]!)) {
          const shown = shownBy[output];
          if (!shown) assert.ok(!Number.isFinite(found[i]!), `silent: ${where}`);
          else if (counters.has(shown)) assert.ok(got[shown]![0]! > clean[shown]![0]!, `uncounted: ${where}`);
          else assert.ok(notFinite(got[shown]!).length > 0, `silent: ${where}`);
        } else if (!Number.isFinite(value) && Object.is(now[i], want[output]![i])) {
          const near = group && group(input, output, i) === group(input, name, at) && !Number.isFinite(found[i]!);
          assert.ok(near || Object.is(found[i], before[i]), `spread: ${where}`);
        } else if (Number.isFinite(found[i]!) && smooth(damaged)) {
          const allowed = kernel.tolerance[output] ?? { absolute: 0, relative: 0 };
          const { ratio } = worstError([found[i]!], [now[i]!], allowed);
          assert.ok(ratio <= 1, `wrong: ${where}`);
        }
      }
    }
  }
}

function testPoison(gpu: Gpu, kernel: Kernel): void {
  const { forward, backward = [] } = kernel.poison;
  if (forward.length === 0) return;
  Deno.test(`${kernel.name}: NaN, infinity and denormals never spread silently`, async () => {
    const rng = rngOf(kernel, 6);
    const input = draw(kernel, rng, 5);
    const smooth = (numbers: Inputs) => kernel.awayFromKinks?.(numbers, ROUNDING) ?? true;
    const clean = await kernel.forward(gpu, input);
    for (const name of forward) {
      const damaged = (tensor: Inputs[string]) => ({ ...input, [name]: tensor });
      await checkPoison(kernel, {
        name,
        input,
        tensor: input[name]!,
        rng,
        clean,
        run: (tensor) => kernel.forward(gpu, damaged(tensor)),
        reference: (tensor) => kernel.reference(damaged(tensor)),
        smooth: (tensor) => smooth(damaged(tensor)),
      });
    }
    if (kernel.kind !== "differentiable") return;
    const gradient = kernel.seed(rng, input);
    const cleanBack = await kernel.backward(gpu, input, gradient);
    for (const name of backward) {
      const isGradient = name in gradient;
      const both = (tensor: Inputs[string]): [Inputs, Inputs] =>
        isGradient ? [input, { ...gradient, [name]: tensor }] : [{ ...input, [name]: tensor }, gradient];
      await checkPoison(kernel, {
        name,
        input,
        tensor: isGradient ? gradient[name]! : input[name]!,
        rng,
        clean: cleanBack,
        run: (tensor) => kernel.backward(gpu, ...both(tensor)),
        reference: (tensor) => kernel.referenceBackward(...both(tensor)),
        smooth: (tensor) => smooth(both(tensor)[0]),
      });
    }
  });
}
