import assert from "node:assert/strict";
import { assertClose } from "../_compare.ts";
import { withScratch } from "../_scratch.ts";
import { openGpu } from "../device.ts";
import { uniform } from "../kernel.ts";
import { ADAM_UNIFORM_BYTES, adamOps, adamWords } from "../optimisers/adam.ts";
import { Pcg } from "../random/pcg.ts";
import { GAUSSIAN_AT, GAUSSIAN_FLOATS } from "./gaussian_layout.ts";
import {
  initialRanges,
  quantiseGaussians,
  QUANTISER_CODES,
  QUANTISER_RANGE_FLOATS,
  quantiserMemory,
  quantiserOps,
  rangesOf,
} from "./quantiser.ts";
import { referenceResidues, referenceStraightThroughBackward } from "./quantiser_reference.ts";

const gpu = await openGpu();
const BITS = { position: 4, scale: 6, angle: 6, luma: 7, chroma: 5 };
const PICTURE = { width: 97, height: 61, bits: BITS };
const TOPS = [113 * 16, 77 * 16, 63, 63, Infinity, 127, 31, 31];

/** Ranges of powers of two, so that steps are exact. */
const EXACT = Float32Array.from([0, -4, 0, -7, -0.5, -5, -0.5, -5], (x, i) => i % 2 === 0 ? x : x * Math.LN2);

/** One Gaussian of numbers that have a meaning. */
function gaussian(x: number, y: number, shape: readonly number[], colour: readonly number[], opacity = 0): number[] {
  return [x, y, opacity, 0, ...shape, 0, ...colour, 0];
}

/** Gaussians whose every number lies within 0.45 steps of a code, up to three beyond the ends of a range; and their codes. */
function drawAtCodes(rng: Pcg, count: number, ranges: Float32Array) {
  const { scale, luma, orange, green } = rangesOf(ranges);
  const position = { low: -8, step: 1 / 16 }, angle = { low: 0, step: Math.PI / 64 };
  const grids = [position, position, scale, scale, angle, luma, orange, green];
  const values: number[] = [], codes: number[] = [];
  for (let k = 0; k < count; k++) {
    const [x, y, sx, sy, theta, Y, Co, Cg] = grids.map(({ low, step }, i) => {
      const top = TOPS[i]!;
      const code = top === Infinity ? rng.integer(640) - 320 : rng.integer(top + 7) - 3;
      codes.push(top === Infinity ? (code + 640) % 64 : Math.min(Math.max(code, 0), top));
      return low + step * (code + rng.uniform(-0.45, 0.45));
    }) as [number, number, number, number, number, number, number, number];
    const t = Y - Cg;
    values.push(...gaussian(x, y, [sx, sy, theta], [t + Co, Y + Cg, t - Co], rng.normal()));
  }
  return { values: Float32Array.from(values), codes: Int32Array.from(codes) };
}

/** Runs both passes for the first `count` of as many rows as there are. */
async function onDevice(values: Float32Array, ranges: Float32Array, gradient: Float32Array, count: number) {
  const capacity = values.length / GAUSSIAN_FLOATS;
  return await withScratch(gpu, async (s) => {
    const pass = s.keep(
      await quantiserOps(gpu, { ...PICTURE, capacity }, {
        parameters: s.upload("parameters", values),
        ranges: s.upload("ranges", ranges),
        counts: s.upload("counts", new Uint32Array([count, 7, 7, 7])),
      }),
    );
    const back = await pass.backward(s.upload("gradient", gradient));
    gpu.submit([...pass.forward, ...back.ops]);
    const [quantised, parameters, byRanges] = await s.read(
      [pass.quantised, values.length],
      [back.gradient, values.length],
      [back.rangeGradient, QUANTISER_RANGE_FLOATS],
    );
    return {
      quantised: new Float32Array(quantised!),
      parameters: new Float32Array(parameters!),
      ranges: new Float32Array(byRanges!),
    };
  });
}

Deno.test("quantiseGaussians gives codes and values worked out by hand", () => {
  const values = Float32Array.from([
    // Y = 0.5, Co = 0.25, Cg = 0 of (0.75, 0.5, 0.25).
    ...gaussian(0.26, 60.98, [0.5, 1.03, Math.PI / 64 * 3.4], [0.75, 0.5, 0.25], -1.5),
    // All outside, on either side; theta = pi is 0. Y = 8, Co = 0, Cg = 0, and Y = 0, Co = -9, Cg = 0.
    ...gaussian(-9, 1e6, [-1, 7, Math.PI], [8, 8, 8], 2),
    ...gaussian(1e6, -9, [0, 63 / 16, -Math.PI / 64], [-9, 0, 9]),
  ]);
  const made = quantiseGaussians(values, EXACT, PICTURE);
  assert.deepEqual([...made.codes.subarray(0, 8)], [132, 1104, 8, 16, 3, 64, 24, 16]);
  assert.equal(made.codes.length, 3 * QUANTISER_CODES);
  assert.deepEqual([...made.codes.subarray(8, 16)], [0, 1232, 0, 63, 0, 127, 16, 16]);
  assert.deepEqual([...made.codes.subarray(16)], [1808, 0, 0, 63, 63, 0, 0, 16]);
  assert.deepEqual(
    [...made.values.subarray(0, 12)],
    gaussian(0.25, 61, [0.5, 1, Math.fround(3 * Math.fround(Math.PI / 64))], [0.75, 0.5, 0.25], -1.5),
  );
  const white = 127 / 128;
  assert.deepEqual([...made.values.subarray(12, 24)], gaussian(-8, 69, [0, 63 / 16, 0], [white, white, white], 2));
  assert.deepEqual([...made.values.subarray(24, 26)], [105, -8]);
});

Deno.test("quantiseGaussians and the device take ties to the even code", async () => {
  const at = (code: number) => gaussian(-8 + code / 16, -8 + (code + 1) / 16, [code / 16, 0, 0], [0, 0, 0]);
  const values = Float32Array.from([...at(2.5), ...at(3.5), ...at(4.5)]);
  const { codes } = quantiseGaussians(values, EXACT, PICTURE);
  assert.deepEqual([0, 8, 16].map((k) => [...codes.subarray(k, k + 3)]), [[2, 4, 2], [4, 4, 4], [4, 6, 4]]);
  const { quantised } = await onDevice(values, EXACT, new Float32Array(36), 3);
  assert.deepEqual([0, 12, 24].map((k) => [...quantised.subarray(k, k + 2)].map((v) => (v + 8) * 16)), [
    [2, 4],
    [4, 4],
    [
      4,
      6,
    ],
  ]);
});

Deno.test("quantiseGaussians takes angles modulo pi", () => {
  const angles = [0.3, 0.3 + Math.PI, 0.3 - 3 * Math.PI, -0.01, Math.PI - 0.01, 1e4 * Math.PI];
  const { codes, values } = quantiseGaussians(
    Float32Array.from(angles.flatMap((a) => gaussian(0, 0, [0, 0, a], [0, 0, 0]))),
    EXACT,
    PICTURE,
  );
  assert.deepEqual(angles.map((_, k) => codes[8 * k + 4]), [6, 6, 6, 0, 0, 0]);
  for (const k of angles.keys()) assert.ok(values[12 * k + 6]! >= 0 && values[12 * k + 6]! < Math.PI);
});

Deno.test("the device rounds to the codes of quantiseGaussians, and both to those that were meant", async () => {
  const rng = new Pcg(7, 1), count = 1201;
  const ranges = Float32Array.from([-0.31, -2.9, 0.03, -4.8, -0.4, -3.7, -0.29, -3.9]);
  const { values, codes } = drawAtCodes(rng, count, ranges);
  const host = quantiseGaussians(values, ranges, PICTURE);
  assert.deepEqual(host.codes, codes);
  const { quantised } = await onDevice(values, ranges, new Float32Array(values.length), count);
  // Codes of what has been rounded are those that it was rounded to.
  assert.deepEqual(quantiseGaussians(quantised, ranges, PICTURE).codes, codes);
  assert.deepEqual(quantiseGaussians(host.values, ranges, PICTURE), host);
  // 4.8e-7 at an ln sigma of 2.2: the device's exp of a ln step.
  assertClose({ quantised }, { quantised: Float64Array.from(host.values) }, {
    quantised: { absolute: 3e-6, relative: 0 },
  }, "values");
});

Deno.test("quantiserOps: gradients of 9,001 Gaussians equal the reference, rows behind them are left alone", async () => {
  const rng = new Pcg(7, 2), count = 9001, floats = count * GAUSSIAN_FLOATS;
  const ranges = Float32Array.from([-0.31, -2.9, 0.03, -4.8, -0.4, -3.7, -0.29, -3.9]);
  const { values } = drawAtCodes(rng, count, ranges);
  const gradient = uniform(rng, floats);
  const config = { ...PICTURE, capacity: count };
  const residues = referenceResidues(config, values, ranges);
  const want = referenceStraightThroughBackward(config, values, ranges, residues, gradient);
  // Behind the last Gaussian is what must not be read.
  const padded = (numbers: Float32Array) => {
    const all = new Float32Array(floats + 200 * GAUSSIAN_FLOATS).fill(NaN);
    all.set(numbers);
    return all;
  };
  const got = await onDevice(padded(values), ranges, padded(gradient), count);
  assert.ok(got.parameters.subarray(floats).every((g) => g === 0), "rows behind the last");
  assert.ok(got.quantised.subarray(floats).every((g) => g === 0), "rows behind the last");
  // 8.2e-6 at -22, the ln step of the scales.
  assertClose({ parameters: got.parameters.subarray(0, floats), ranges: got.ranges }, want, {
    parameters: { absolute: 2e-7, relative: 0 },
    ranges: { absolute: 4e-5, relative: 0 },
  }, "gradients");
  assert.deepEqual(await onDevice(padded(values), ranges, padded(gradient), count), got, "again");
});

Deno.test("quantiserOps: Adam draws ranges that are four times too wide in to the numbers", async () => {
  const rng = new Pcg(7, 3), count = 500, steps = 400;
  const fitting = Float32Array.from([-0.3, -2.9, 0.1, -4.8, -0.4, -3.7, -0.3, -3.9]);
  const { values } = drawAtCodes(rng, count, fitting);
  for (const at of values.keys()) values[at]! += rng.uniform(-0.01, 0.01);
  const start = fitting.map((x, i) => i % 2 === 0 ? x - 0.5 : x + Math.log(4));
  const { shape, colour } = GAUSSIAN_AT, learned = new Set([shape, shape + 1, colour, colour + 1, colour + 2]);
  const errorOf = (ranges: Float32Array) => {
    const { values: rounded } = quantiseGaussians(values, ranges, PICTURE);
    let sum = 0;
    for (let i = 0; i < values.length; i++) {
      if (learned.has(i % GAUSSIAN_FLOATS)) sum += (rounded[i]! - values[i]!) ** 2;
    }
    return sum / count;
  };
  await withScratch(gpu, async (s) => {
    const parameters = s.upload("parameters", values), ranges = s.upload("ranges", start);
    const pass = s.keep(
      await quantiserOps(gpu, { ...PICTURE, capacity: count }, {
        parameters,
        ranges,
        counts: s.upload("counts", new Uint32Array([count])),
      }),
    );
    const slope = s.buffer("difference", quantiserMemory(count).quantised);
    const back = await pass.backward(slope);
    const difference = await gpu.op(
      "difference",
      `@group(0) @binding(0) var<storage, read> a: array<f32>;
       @group(0) @binding(1) var<storage, read> b: array<f32>;
       @group(0) @binding(2) var<storage, read_write> c: array<f32>;
       @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
         if (id.x < arrayLength(&a)) { c[id.x] = a[id.x] - b[id.x]; }
       }`,
      [pass.quantised, parameters, slope],
      { threads: values.length, workgroup: 64 },
    );
    const rates = s.buffer("rates", ADAM_UNIFORM_BYTES, GPUBufferUsage.UNIFORM);
    const moments = [s.upload("first", new Float32Array(8)), s.upload("second", new Float32Array(8))] as const;
    const adam = await adamOps(gpu, { count: QUANTISER_RANGE_FLOATS, fixedPoint: false, sparse: false, ema: false }, {
      parameters: ranges,
      gradient: back.rangeGradient,
      firstMoment: moments[0],
      secondMoment: moments[1],
    }, [rates]);
    const rate = { rate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-15, l2: 0, emaDecay: 0, gradientScale: 1 };
    for (let step = 1; step <= steps; step++) {
      gpu.write(rates, adamWords({ ...rate, step }));
      gpu.submit([...pass.forward, difference, ...back.ops, ...adam]);
    }
    const [end] = await s.read([ranges, QUANTISER_RANGE_FLOATS]);
    const before = errorOf(start), after = errorOf(new Float32Array(end!));
    // 0.079 of it: a quarter of the steps has a sixteenth of the error, and what lies outside adds to it.
    assert.ok(after < 0.125 * before, `from ${before} to ${after}`);
  });
});

Deno.test("quantiseGaussians names the Gaussian and the number that has no code", () => {
  const fine = gaussian(1, 2, [0, 0, 0], [0.1, 0.2, 0.3]);
  for (
    const [bad, message] of [[NaN, /^Gaussian 1 has green = NaN/], [
      -Infinity,
      /^Gaussian 1 has green = -Infinity/,
    ]] as const
  ) {
    const values = Float32Array.from([...fine, ...gaussian(1, 2, [0, 0, 0], [0.1, bad, 0.3])]);
    assert.throws(() => quantiseGaussians(values, EXACT, PICTURE), { name: "RangeError", message });
    assert.throws(() => initialRanges(values, 2, BITS), { name: "RangeError", message });
    assert.equal(initialRanges(values, 1, BITS).length, QUANTISER_RANGE_FLOATS);
  }
  const values = Float32Array.from(fine);
  for (const bad of [NaN, Infinity, 200]) {
    const ranges = EXACT.with(3, bad);
    assert.throws(() => quantiseGaussians(values, ranges, PICTURE), { name: "RangeError", message: /range of luma/ });
  }
  assert.throws(() => quantiseGaussians(values.subarray(1), EXACT, PICTURE), /12 numbers each: found 11/);
  assert.equal(quantiseGaussians(new Float32Array(), EXACT, PICTURE).codes.length, 0);
});

Deno.test("quantiseGaussians: values are low + step * code, every operation rounded to f32", () => {
  const ranges = Float32Array.from([-0.31, -2.9, 0.03, -4.8, -0.4, -3.7, -0.29, -3.9]);
  const { codes, values } = quantiseGaussians(drawAtCodes(new Pcg(7, 4), 100, ranges).values, ranges, PICTURE);
  const f = Math.fround, { scale, luma, orange, green } = rangesOf(ranges);
  const valueOf = (code: number, { low, step }: typeof scale) => f(low + f(step * code));
  for (let k = 0; k < 100; k++) {
    const [x, y, sx, sy, theta, cy, co, cg] = codes.subarray(8 * k, 8 * k + 8);
    const [Y, Co, Cg] = [valueOf(cy!, luma), valueOf(co!, orange), valueOf(cg!, green)], t = f(Y - Cg);
    assert.deepEqual(
      [...values.subarray(12 * k, 12 * k + 12)],
      gaussian(
        x! / 16 - 8,
        y! / 16 - 8,
        [valueOf(sx!, scale), valueOf(sy!, scale), f(f(Math.PI / 64) * theta!)],
        [f(t + Co), f(Y + Cg), f(t - Co)],
        values[12 * k + GAUSSIAN_AT.opacity],
      ),
    );
  }
});

Deno.test("widths and sizes whose codes would not be exact floats are refused", () => {
  const none = new Float32Array();
  const bits = (some: Partial<typeof BITS>) => ({ ...PICTURE, bits: { ...BITS, ...some } });
  assert.throws(() => quantiseGaussians(none, EXACT, bits({ scale: 17 })), /^RangeError: Bits of scale: .* found 17$/);
  assert.throws(() => quantiseGaussians(none, EXACT, bits({ angle: 0 })), /Bits of angle/);
  assert.throws(() => quantiseGaussians(none, EXACT, bits({ luma: 2.5 })), /Bits of luma/);
  assert.throws(() => quantiseGaussians(none, EXACT, { ...bits({ position: 16 }), width: 300 }), /A width of 300 px/);
  assert.throws(() => quantiseGaussians(none, EXACT, { ...PICTURE, height: 0 }), /A height of 0 px/);
});

Deno.test("initialRanges leaves a thousandth out at either end, and gives numbers that are alike a step", () => {
  const values = Float32Array.from(
    Array.from({ length: 5001 }, (_, k) => gaussian(0, 0, [k === 0 ? 99 : k / 5000, k / 5000, 0], [0.5, 0.5, 0.5]))
      .flat(),
  );
  const ranges = initialRanges(values, 5001, BITS);
  const { scale, luma, orange } = rangesOf(ranges);
  assert.ok(Math.abs(scale.low - 0.001) < 2e-4, `low ${scale.low}`);
  assert.ok(Math.abs(scale.low + 63 * scale.step - 0.999) < 4e-4, `step ${scale.step}`);
  assert.ok(luma.low === 0.5 && luma.step > 0 && orange.low === 0 && orange.step > 0);
  const made = quantiseGaussians(values, ranges, PICTURE);
  assert.deepEqual([...made.values.subarray(-4, -1)], [0.5, 0.5, 0.5], "grey stays grey");
  assert.equal(made.codes[2], 63, "what is left out becomes an end");
  assert.throws(() => initialRanges(values, 0, BITS), /one Gaussian at least/);
  assert.throws(() => initialRanges(values.subarray(1), 5001, BITS), /found 5001, 60011 numbers/);
});
