import assert from "node:assert/strict";
import { assertClose, assertSameBits } from "../_compare.ts";
import { Gpu, openGpu } from "../device.ts";
import { type Inputs, uniform } from "../kernel.ts";
import { Pcg } from "../random/pcg.ts";
import { layersOf } from "./kilo_layout.ts";
import { kiloEvaluations, referenceKilo } from "./kilo_reference.ts";
import { initKilo, KILO_BLENDED, type KiloConfig, kiloLayout, kiloOps, kiloParameterCount } from "./kilo_uniform.ts";
import { drawKilo, runKilo } from "./kilo_uniform_kernel.ts";

const gpu = await openGpu();

const KILONERF: KiloConfig = {
  grid: [9, 16, 10],
  width: 32,
  hiddenLayers: 2,
  positionOctaves: 10,
  directionOctaves: 4,
  blend: 0,
};
const SMALL: KiloConfig = {
  grid: [2, 2, 2],
  width: 16,
  hiddenLayers: 1,
  positionOctaves: 1,
  directionOctaves: 0,
  blend: 0,
};
const ALL_EIGHT = Object.fromEntries(Array.from({ length: 8 }, (_, i) => [i, i]));

type Input = Inputs<"positions" | "rays" | "owners" | "cells" | "parameters">;

/** Only the samples of some indices. */
function subset(input: Input, indices: readonly number[]): Input {
  return {
    ...input,
    positions: Float32Array.from(indices.flatMap((i) => [...input.positions.subarray(4 * i, 4 * i + 4)])),
    owners: Uint32Array.from(indices, (i) => input.owners[i]!),
  };
}

Deno.test("kiloParameterCount of KiloNeRF's setting is 6,212, of its 9 x 16 x 10 grid 8,945,280", () => {
  assert.equal(kiloParameterCount(KILONERF), 6212);
  assert.equal(9 * 16 * 10 * kiloParameterCount(KILONERF), 8_945_280);
  const byHand = (9 + 1) * 16 + (16 + 1) + (16 + 1) * 16 + (16 + 3 + 1) * 16 + (16 + 1) * 3;
  assert.equal(kiloParameterCount(SMALL), byHand);
});

Deno.test("kiloLayout is the documented file format: order, padding and stride of the layers", () => {
  const shape = (config: KiloConfig) => layersOf(kiloLayout(config)).map((l) => [l.inputs, l.outputs, l.offset]);
  assert.deepEqual(shape(KILONERF), [
    [63, 32, 0],
    [32, 32, 2048],
    [32, 1, 3104],
    [32, 32, 3140],
    [59, 32, 4196],
    [32, 4, 6116],
  ]);
  assert.equal(kiloLayout(KILONERF).stride, 6256);
  assert.deepEqual(shape(SMALL), [[9, 16, 0], [16, 1, 160], [16, 16, 180], [19, 16, 452], [16, 4, 772]]);
  assert.equal(kiloLayout(SMALL).stride, 848);
});

Deno.test("kiloLayout refuses settings that have no kernel", () => {
  assert.throws(() => kiloLayout({ ...SMALL, grid: [17, 1, 1] }), /1 to 16 cells .*: found 17 x 1 x 1/);
  assert.throws(() => kiloLayout({ ...SMALL, grid: [1.5, 1, 1] }), /found 1\.5 x 1 x 1/);
  assert.throws(() => kiloLayout({ ...SMALL, width: 64 as 32 }), /must be 16 or 32: found 64/);
  assert.throws(() => kiloLayout({ ...SMALL, hiddenLayers: 0 as 1 }), /1 to 3 hidden layers: found 0/);
  assert.throws(() => kiloLayout({ ...SMALL, positionOctaves: 11 }), /0 to 10: found 11/);
  assert.throws(() => kiloLayout({ ...SMALL, directionOctaves: -1 }), /0 to 4: found -1/);
  assert.throws(() => kiloLayout({ ...SMALL, blend: NaN }), /0 to 1: found NaN/);
});

Deno.test("initKilo gives all networks the same Kaiming-uniform weights, the density bias asked for, and zero padding", () => {
  const layout = kiloLayout(KILONERF), parameters = initKilo(KILONERF, 3, 7, -1.5);
  const first = parameters.subarray(0, layout.stride);
  for (const n of [1, 2]) {
    assert.deepEqual(parameters.subarray(n * layout.stride, (n + 1) * layout.stride), first);
  }
  let trained = 0;
  for (const layer of layersOf(layout)) {
    const { inputs, outputs, live, offset } = layer;
    const gain = layout.trunk.includes(layer) || layer === layout.direction ? 6 : 3, bound = Math.sqrt(gain / inputs);
    let largest = 0, sum = 0;
    for (let row = 0; row <= inputs; row++) {
      for (let o = 0; o < outputs; o++) {
        const value = first[offset + row * outputs + o]!;
        if (o >= live) assert.equal(value, 0);
        else if (layer === layout.density && row === inputs) assert.equal(value, -1.5);
        else if (row === inputs) assert.ok(value !== 0 && Math.abs(value) <= 1 / Math.sqrt(inputs));
        else [largest, sum] = [Math.max(largest, Math.abs(value)), sum + value];
        if (value !== 0) trained++;
      }
    }
    assert.ok(largest <= bound && largest > 0.9 * bound, `layer at ${offset}: largest ${largest}, bound ${bound}`);
    assert.ok(Math.abs(sum) < 4 * bound * Math.sqrt(inputs * live), `layer at ${offset} has mean 0`);
  }
  assert.equal(trained, 6212);
  assert.notDeepEqual(initKilo(KILONERF, 1, 8, -1.5), first.slice());
});

Deno.test("kiloOps: samples of different networks do not influence each other, forward and back", async () => {
  const rng = new Pcg(1), input = drawKilo(SMALL, ALL_EIGHT, rng, 200), { stride } = kiloLayout(SMALL);
  const gradient = { density: uniform(rng, 200), values: uniform(rng, 800) };
  const of = (s: number) => kiloEvaluations(SMALL, input, s)[0]!.network;
  const own = Array.from({ length: 200 }, (_, s) => s).filter((s) => of(s) === 3);
  assert.ok(own.length > 10 && own.length < 100);
  const all = await runKilo(gpu, SMALL, input, gradient);
  const alone = await runKilo(gpu, SMALL, subset(input, own), {
    density: Float32Array.from(own, (s) => gradient.density[s]!),
    values: Float32Array.from(own.flatMap((s) => [...gradient.values.subarray(4 * s, 4 * s + 4)])),
  });
  const pick = (values: Float32Array, width: number) =>
    Float32Array.from(own.flatMap((s) => [...values.subarray(width * s, width * (s + 1))]));
  const block = (p: Float32Array, n: number) => p.slice(n * stride, (n + 1) * stride);
  assertSameBits(
    { density: alone.density, values: alone.values, parameters: block(alone.parameters, 3) },
    { density: pick(all.density, 1), values: pick(all.values, 4), parameters: block(all.parameters, 3) },
    "the samples of network 3 alone",
  );
  assert.ok(block(alone.parameters, 3).some((g) => g !== 0));
  for (const n of [0, 1, 2, 4, 5, 6, 7]) assert.ok(block(alone.parameters, n).every((g) => Object.is(g, 0)));
});

Deno.test("kiloOps: rendering gives the same bits as training", async () => {
  const input = drawKilo({ ...SMALL, blend: 0.2 }, ALL_EIGHT, new Pcg(2), 150);
  const rendered = await runKilo(gpu, { ...SMALL, blend: 0.2 }, input);
  const trained = await runKilo(gpu, { ...SMALL, blend: 0.2 }, input, {
    density: new Float32Array(150),
    values: new Float32Array(600),
  });
  const of = ({ density, values }: typeof rendered) => ({ density, values });
  assertSameBits(of(trained), of(rendered), "training");
});

for (const octaves of [[0, 0], [10, 4]] as const) {
  Deno.test(`kiloOps equals the reference with ${octaves.join(" and ")} octaves and one network in several cells`, async () => {
    const [positionOctaves, directionOctaves] = octaves;
    const config: KiloConfig = { ...SMALL, grid: [4, 1, 3], positionOctaves, directionOctaves };
    const input = drawKilo(config, { 0: 0, 3: 1, 5: 0, 6: 1, 11: 0 }, new Pcg(3), 100);
    const { density, values } = await runKilo(gpu, config, input);
    const close = { absolute: 4e-6, relative: 4e-6 };
    const tolerance = { density: close, values: close };
    assertClose({ density, values }, referenceKilo(config, input), tolerance, "shared networks");
  });
}

Deno.test("kiloOps with blending is continuous across a face, without it jumps", async () => {
  const drawn = drawKilo(SMALL, ALL_EIGHT, new Pcg(4), 60);
  // Pairs of samples on either side of the face x = 0.5, every sixth near the corner that all cells share.
  const positions = drawn.positions.map((_, i) => {
    const sample = i >> 2, shared = drawn.positions[4 * (sample & ~1) + (i & 3)]!;
    if ((i & 3) === 0) return 0.5 + (sample & 1 ? 1 : -1) * 1e-7;
    return (sample >> 1) % 6 === 0 ? 0.5 + 0.05 * (shared - 0.5) : 0.05 + 0.3 * shared;
  });
  const input = { ...drawn, positions, owners: drawn.owners.map((_, i) => i >> 2) };
  const jump = async (blend: number) => {
    const { density, values } = await runKilo(gpu, { ...SMALL, blend }, input);
    let most = 0;
    for (let s = 0; s < 60; s += 2) {
      most = Math.max(most, Math.abs(density[s]! - density[s + 1]!));
      for (let c = 0; c < 3; c++) most = Math.max(most, Math.abs(values[4 * s + c]! - values[4 * s + 4 + c]!));
    }
    return most;
  };
  assert.ok(await jump(0) > 1);
  const blended = await jump(0.25);
  assert.ok(blended < 1e-4, `found a jump of ${blended}`);
});

Deno.test("kiloOps counts the samples whose neighbours find no room, and leaves them with their own cell", async () => {
  const config: KiloConfig = { ...SMALL, blend: 0.1 }, samples = 64;
  const drawn = drawKilo(config, ALL_EIGHT, new Pcg(5), samples);
  // All near the corner that eight cells share: 7 neighbours each, where there is room for 1.42.
  const input = { ...drawn, positions: drawn.positions.map((p) => 0.5 + 0.02 * (p - 0.5)) };
  const networks = 8, capacity = 64;
  const buffers = {
    counts: gpu.upload("counts", new Uint32Array([samples, samples, 0, samples])),
    positions: gpu.upload("positions", input.positions),
    rays: gpu.upload("rays", input.rays),
    owners: gpu.upload("owners", input.owners),
  };
  const cells = gpu.upload("cells", input.cells), parameters = gpu.upload("parameters", input.parameters);
  const kilo = await kiloOps(gpu, config, { networks, cells, parameters, samples: { ...buffers, capacity } });
  gpu.submit(kilo.forward);
  const [words, density] = await gpu.readAll([kilo.blended!, 4], [kilo.density, samples]);
  kilo.free();
  gpu.free(...Object.values(buffers), cells, parameters);
  const counted = new Uint32Array(words!), got = new Float32Array(density!);
  const blended = 13, unblended = samples - blended; // 13 x 7 = 91 find room in ceil(64 x 1.42) = 91.
  assert.equal(counted[KILO_BLENDED.wanted], 7 * samples);
  assert.equal(counted[KILO_BLENDED.evaluations], samples + 7 * blended);
  assert.equal(counted[KILO_BLENDED.unblended], unblended);
  const own = referenceKilo({ ...config, blend: 0 }, input).density, mixed = referenceKilo(config, input).density;
  const want = Float64Array.from(got, (_, s) => s < blended ? mixed[s]! : own[s]!);
  assertClose({ density: got }, { density: want }, { density: { absolute: 1e-5, relative: 1e-5 } }, "no room");
});

Deno.test("kiloOps: density is exp(raw) up to exp(15), and its gradient exp of raw clamped to +-15", async () => {
  const { density: layer, stride } = kiloLayout(SMALL), samples = 40;
  const input = drawKilo(SMALL, ALL_EIGHT, new Pcg(7), samples);
  const raws = [20, 14, 1, -14, -20, 15.5, -15.5, 0];
  for (const [n, raw] of raws.entries()) {
    input.parameters.fill(0, n * stride + layer.offset, n * stride + layer.offset + layer.inputs);
    input.parameters[n * stride + layer.offset + layer.inputs] = raw;
  }
  const ones = { density: new Float32Array(samples).fill(1), values: new Float32Array(4 * samples) };
  const { density, parameters } = await runKilo(gpu, SMALL, input, ones);
  const networks = Array.from(density, (_, s) => kiloEvaluations(SMALL, input, s)[0]!.network);
  const want = networks.map((n) => Math.exp(Math.min(15, raws[n]!)));
  const slopes = raws.map((raw, n) =>
    networks.filter((m) => m === n).length * Math.exp(Math.max(-15, Math.min(15, raw)))
  );
  const got = {
    density,
    slopes: Float32Array.from(raws, (_, n) => parameters[n * stride + layer.offset + layer.inputs]!),
  };
  const relative = { absolute: 0, relative: 2e-6 };
  assertClose(got, { density: Float64Array.from(want), slopes: Float64Array.from(slopes) }, {
    density: relative,
    slopes: relative,
  }, "clamped");
  assert.ok(slopes.every((slope) => slope > 0), "every network has a sample");
});

Deno.test("kiloOps without any network gives density 0 and says when a position is not finite", async () => {
  const input = drawKilo(SMALL, {}, new Pcg(6), 9);
  input.positions[4 * 4] = NaN;
  input.positions[4 * 7 + 2] = Infinity;
  const { density, values } = await runKilo(gpu, SMALL, input);
  for (let s = 0; s < 9; s++) {
    const nothing = s === 4 || s === 7 ? NaN : 0;
    assert.deepEqual([density[s], ...values.subarray(4 * s, 4 * s + 4)], [nothing, nothing, nothing, nothing, 0]);
  }
});

Deno.test("kiloOps refuses a device whose workgroup memory a network does not fit, and a backward pass without gradient", async () => {
  const adapter = await navigator.gpu.requestAdapter();
  const small = new Gpu(await adapter!.requestDevice(), gpu.adapter);
  const samples = (g: Gpu) => {
    const buffer = (name: string) => g.buffer(name, 256);
    const [counts, positions, rays, owners] = ["counts", "positions", "rays", "owners"].map(buffer);
    return { counts: counts!, positions: positions!, rays: rays!, owners: owners!, capacity: 8 };
  };
  const prepare = (g: Gpu, config: KiloConfig) =>
    kiloOps(g, config, {
      networks: 1,
      cells: g.buffer("cells", 4 * 9 * 16 * 10),
      parameters: g.buffer("parameters", 4 * kiloLayout(config).stride),
      samples: samples(g),
    });
  await assert.rejects(prepare(small, KILONERF), /network of 24992 bytes must fit the 16384 bytes of workgroup memory/);
  const kilo = await prepare(gpu, SMALL);
  await assert.rejects(kilo.backward(kilo.density, kilo.values), /prepared without a backward pass/);
  kilo.free();
});
