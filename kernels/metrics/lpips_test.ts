import assert from "node:assert/strict";
import { canUseFiles } from "../../tests/permissions.ts";
import { uniform } from "../kernel.ts";
import { Pcg } from "../random/pcg.ts";
import {
  type Chain,
  convolution,
  netOf,
  onnxBytes,
  type OnnxContent,
  referenceDistances,
  referenceFeatures,
} from "./_onnx_fixture.ts";
import { CHECK_SIZE, checkPictures, layerDistance, LPIPS_NETS, networkPicture } from "./lpips.ts";
import { LpipsError, openLpips } from "./lpips_file.ts";

const RELU = { kind: "relu" } as const;

/** Strides, padding, and pooling that rounds up (as `squeeze` does) and down. */
function fixture() {
  const rng = new Pcg(7);
  const chain: Chain = [
    convolution(rng, 3, 5, { size: 5, stride: 2, padding: 2 }),
    RELU,
    { kind: "pool", size: 3, stride: 2, ceil: true },
    convolution(rng, 5, 7, { size: 3, padding: 1 }),
    RELU,
    { kind: "pool", size: 2, stride: 2, ceil: false },
    convolution(rng, 7, 6, { size: 3 }),
    RELU,
  ];
  const heads = [5, 7, 6].map((channels) => uniform(rng, channels, 0, 1));
  return { chain, heads, net: netOf("fixture", chain, heads, 23), check: checkOf(chain, heads), rng };
}

/** What a file of that chain must say of the pictures of the check. */
function checkOf(chain: Chain, heads: readonly Float32Array[]): number {
  const [a, b] = checkPictures().map((p) => referenceFeatures(chain, p, CHECK_SIZE.width, CHECK_SIZE.height));
  return referenceDistances(a!, b!, heads).reduce((sum, d) => sum + d);
}

/** A test that runs the network, which needs to read files of a package; its threads outlive it. */
function networkTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: !canUseFiles, sanitizeOps: false, sanitizeResources: false, fn });
}

const spoilt = fixture();

/** Opens the fixture, changed, with or without being told of its network. */
function opened(content: Partial<OnnxContent>, chain: Chain = spoilt.chain, told = true) {
  const { heads, check, net } = spoilt;
  return openLpips(onnxBytes(chain, { heads, check, ...content }), told ? { nets: [net] } : {});
}

networkTest("openLpips: every layer and every distance are those of the float64 reference", async () => {
  const { chain, heads, net, check, rng } = fixture();
  const lpips = await openLpips(onnxBytes(chain, { heads, check }), { nets: [net] });
  assert.equal(lpips.net, net);
  let most = 0, furthest = 0;
  // 31 x 24: pooling rounds 7.5 up to 8 in one direction; 23 x 40: down in the other.
  for (const [width, height] of [[31, 24], [23, 40], [23, 23], [64, 64]] as const) {
    const a = uniform(rng, width * height * 3, 0, 1), b = a.map((v) => v * rng.uniform(0.5, 1));
    const of = (picture: Float32Array) => referenceFeatures(chain, picture, width, height);
    const expected = { a: of(a), b: of(b) };
    const features = await lpips.features(a, width, height);
    assert.equal(features.length, 3);
    for (const [i, map] of features.entries()) {
      const reference = expected.a[i]!;
      assert.deepEqual([map.channels, map.height, map.width], [reference.channels, reference.height, reference.width]);
      const scale = reference.data.reduce((m, v) => Math.max(m, v));
      assert.ok(scale > 0.5, "a layer that is dead shows nothing");
      for (const [j, v] of map.data.entries()) most = Math.max(most, Math.abs(v - reference.data[j]!) / scale);
    }
    const distances = referenceDistances(expected.a, expected.b, heads);
    const found = await lpips.distance(a, b, width, height);
    for (const [i, distance] of distances.entries()) {
      assert.ok(distance > 1e-3);
      furthest = Math.max(furthest, Math.abs(found.layers[i]! - distance) / distance);
    }
    const sum = distances.reduce((s, d) => s + d);
    assert.ok(Math.abs(found.distance - sum) <= 2e-6 * sum, `distance ${found.distance}, expected ${sum}`);
    assert.deepEqual(await lpips.distance(b, a, width, height), found, "symmetric");
    assert.equal((await lpips.distance(a, a, width, height)).distance, 0);
  }
  // Worst seen: 4.2e-7 of the largest feature, 1.6e-6 of a layer's distance.
  assert.ok(most <= 2e-6, `features differ by ${most} of the largest`);
  assert.ok(furthest <= 1e-5, `distances differ by ${furthest}`);
  await lpips.close();
});

networkTest("openLpips: pictures too small, of a wrong length, or with NaN", async () => {
  const lpips = await opened({});
  const grey = (width: number, height: number) => new Float64Array(width * height * 3).fill(0.5);
  await assert.rejects(
    lpips.distance(grey(22, 30), grey(22, 30), 22, 30),
    (e) =>
      e instanceof LpipsError && /\(fixture\) needs pictures of at least 23 x 23 pixels: found 22 x 30/.test(e.message),
  );
  await assert.rejects(
    lpips.distance(grey(23, 23), grey(23, 24), 23, 23),
    /23 x 23 pixels has 1587 values: found 1656/,
  );
  const broken = grey(23, 23);
  broken[7] = NaN;
  assert.deepEqual(await lpips.distance(broken, grey(23, 23), 23, 23), { distance: NaN, layers: [NaN, NaN, NaN] });
  await lpips.close();
});

networkTest(
  "openLpips refuses what is not a network of the paper, or not wholly understood, and says why",
  async () => {
    const { chain, heads } = spoilt;
    const refused = (promise: Promise<unknown>, message: RegExp) =>
      assert.rejects(promise, (error) => {
        assert.ok(error instanceof LpipsError, String(error));
        assert.match(error.message, message);
        assert.match(error.message, /docs\/lpips\.md/);
        return true;
      });
    await refused(opened({}, chain, false), /64, 192, 384, 256, 256 \(alex\) or .*\(squeeze\) channels: found 5, 7, 6/);
    await refused(opened({ input: "pixels" }), /an input image and outputs .*: found pixels -> feature_0 /);
    await refused(
      opened({ heads: heads.slice(1) }),
      /found image -> feature_0 feature_1 feature_2 head_0 head_1 check/,
    );
    await refused(opened({ fixed: [48, 60] }), /cannot be run on 64 x 48 pixels \(.*60.*\)/s);
    await refused(opened({ check: spoilt.check * 1.001 }), /distance 0\.\d+ by the LPIPS weights .* check says 0\.\d+/);
    await refused(opened({ check: NaN }), /check says NaN/);
    const other = (change: (head: Float32Array) => Float32Array) =>
      heads.map((head, i) => i === 1 ? change(head) : head);
    await refused(
      opened({ heads: other((h) => h.map((w) => 1.001 * w)) }),
      /head_1 .* not the head of version 0\.1: .* should be/,
    );
    await refused(
      opened({ heads: other((h) => h.map((w) => -w)) }),
      /head_1 .* 7 weights, none negative: found 7, the least -0/,
    );
    await refused(opened({ heads: other((h) => h.subarray(1)) }), /head_1 .* 7 weights, none negative: found 6/);
    // NaN, and what overflows float32.
    for (const value of [NaN, 3e38]) {
      const damaged = chain.map((step) =>
        step.kind === "convolution" ? { ...step, bias: step.bias.map(() => value) } : step
      );
      await refused(opened({}, damaged), /gives values that are not finite|says 0/);
    }
  },
);

networkTest("openLpips: cut, flipped and foreign bytes are refused or give the distance of the check", async () => {
  const { chain, heads, check, net } = spoilt;
  const bytes = onnxBytes(chain, { heads, check }), rng = new Pcg(3);
  const tried: Uint8Array[] = [new Uint8Array(), new TextEncoder().encode("<!DOCTYPE html>"), new Uint8Array(5000)];
  for (let i = 0; i < 30; i++) tried.push(bytes.slice(0, rng.integer(bytes.length)));
  for (let i = 0; i < 120; i++) {
    const flipped = bytes.slice();
    // Half of them among the names and sizes at the end and the beginning.
    const at = i % 2 === 0 ? rng.integer(bytes.length) : (bytes.length - 300 + rng.integer(600)) % bytes.length;
    flipped[at]! ^= 1 << rng.integer(8);
    tried.push(flipped);
  }
  let refused = 0;
  for (const file of tried) {
    try {
      const lpips = await openLpips(file, { nets: [net] });
      await lpips.close();
    } catch (error) {
      assert.ok(error instanceof LpipsError, String(error));
      refused++;
    }
  }
  assert.ok(refused > 60, `${refused} of ${tried.length} were refused`);
  const [a, b] = checkPictures(), lpips = await opened({});
  const { distance } = await lpips.distance(a, b, CHECK_SIZE.width, CHECK_SIZE.height);
  assert.ok(Math.abs(distance - check) < 1e-5 * check, "what was refused leaves no trace");
  await lpips.close();
});

Deno.test("layerDistance: features count by their direction, pixels without any by nothing", () => {
  const map = (...data: number[]) => ({ channels: 2, height: 1, width: 2, data: Float32Array.from(data) });
  // Pixel 0: (3, 4) and (4, 3), of length 5; pixel 1: (0, 0) and (0, 7).
  const a = map(3, 0, 4, 0), b = map(4, 0, 3, 7);
  const expected = ((2 * 0.2 ** 2 + 10 * 0.2 ** 2) + 10) / 2;
  assert.ok(Math.abs(layerDistance(a, b, [2, 10]) - expected) < 1e-9);
  const brighter = { ...a, data: a.data.map((v) => 100 * v) };
  assert.ok(Math.abs(layerDistance(brighter, b, [2, 10]) - expected) < 1e-9);
  assert.ok(Number.isNaN(layerDistance(map(NaN, 0, 4, 0), b, [2, 10])));
  assert.throws(
    () => layerDistance(a, b, [1]),
    /Features of 2 x 1 x 2 and 2 x 1 x 2 do not belong to a head of 1 weights/,
  );
});

Deno.test("networkPicture shifts and scales as the paper's code, channel after channel", () => {
  // Two pixels: black, and (1, 0.5, 0).
  const found = networkPicture([0, 0, 0, 1, 0.5, 0]);
  const golden = [
    (-1 + 0.03) / 0.458,
    (1 + 0.03) / 0.458,
    (-1 + 0.088) / 0.448,
    0.088 / 0.448,
    -0.812 / 0.45,
    -0.812 / 0.45,
  ];
  for (const [i, v] of golden.entries()) assert.ok(Math.abs(found[i]! - v) < 1e-6, `${i}: ${found[i]}, expected ${v}`);
});

Deno.test("LPIPS_NETS: a network is told by its channels, and every layer has its head", () => {
  assert.equal(new Set(LPIPS_NETS.map((net) => net.channels.join())).size, 3);
  for (const { channels, headSums } of LPIPS_NETS) assert.equal(channels.length, headSums.length);
});

Deno.test("checkPictures are those of docs/lpips.md", () => {
  const [a, b] = checkPictures(), { width, height } = CHECK_SIZE;
  assert.deepEqual([a.length, b.length], [width * height * 3, width * height * 3]);
  const at = (picture: Float64Array, x: number, y: number, c: number) => picture[(y * width + x) * 3 + c]! * 63;
  assert.equal(Math.round(at(a, 5, 3, 2)), (7 * 5 + 13 * 3 + 29 * 2 + 5 * 3) % 64);
  assert.equal(Math.round(at(b, 5, 3, 2)), (11 * 5 + 5 * 3 + 17 * 2 + 5 * 5) % 64);
});
