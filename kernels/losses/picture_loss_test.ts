import assert from "node:assert/strict";
import { withScratch } from "../_scratch.ts";
import { openGpu } from "../device.ts";
import { Pcg } from "../random/pcg.ts";
import { PICTURE_SUMMARY, PICTURE_SUMMARY_BYTES, pictureLossMemory, pictureLossOps } from "./picture_loss.ts";

const gpu = await openGpu();
const WIDTH = 21, HEIGHT = 34, PIXELS = WIDTH * HEIGHT;
const MIX = { l1: 0.2, l2: 0.8, ssim: 0.1 };

/** Noise in 8 bits, and the same as a rendered picture with `changed` values. */
function pictures(changed: Readonly<Record<number, number>> = {}) {
  const rng = new Pcg(1);
  const targets = Uint32Array.from({ length: PIXELS }, () => rng.integer(2 ** 32));
  const rendered = Float32Array.from({ length: PIXELS * 4 }, (_, i) => (targets[i >> 2]! >>> 8 * (i % 4) & 255) / 255);
  for (const [at, value] of Object.entries(changed)) rendered[Number(at)] = value;
  return { targets, rendered };
}

/** Figures and gradient, one step after another with a summary each. */
async function compare(weights: typeof MIX, steps: readonly ReturnType<typeof pictures>[]) {
  return await withScratch(gpu, async (s) => {
    const rendered = s.buffer("rendered", PIXELS * 16), targets = s.buffer("targets", PIXELS * 4);
    const slots = s.buffer("summaries", steps.length * 256);
    const { gradient, ops } = s.keep(
      await pictureLossOps(
        gpu,
        { width: WIDTH, height: HEIGHT, weights },
        { rendered, targets },
        steps.map((_, i) => ({ buffer: slots, offset: i * 256, size: PICTURE_SUMMARY_BYTES })),
      ),
    );
    for (const [i, step] of steps.entries()) {
      gpu.write(rendered, step.rendered);
      gpu.write(targets, step.targets);
      gpu.submit(ops[i]!);
    }
    const [summaries, back] = (await s.read([slots, steps.length * 64], [gradient, PIXELS * 4]))
      .map((b) => new Float32Array(b));
    return { figures: steps.map((_, i) => summaries!.subarray(64 * i, 64 * i + 8)), gradient: back! };
  });
}

Deno.test("pictureLossOps: each step's figures go to its summary, and what is not read changes nothing", async () => {
  const changed = pictures({ 4: 3 }), other = pictures({ 4: 3, 7: 1e30 });
  other.targets[1]! ^= 0xff000000;
  const { figures } = await compare(MIX, [pictures(), changed, other]);
  const equal = figures[0]!;
  assert.ok(equal[PICTURE_SUMMARY.loss]! < 1e-6 && equal[PICTURE_SUMMARY.l2]! < 1e-12, `${equal}`);
  assert.ok(Math.abs(equal[PICTURE_SUMMARY.ssim]! - 1) < 1e-6, `${equal}`);
  assert.ok(figures[1]![PICTURE_SUMMARY.loss]! > 1e-3, `${figures[1]}`);
  assert.deepEqual(figures[2], figures[1]);
});

Deno.test("pictureLossOps: values beyond 0 and 1 are not clamped", async () => {
  const at = 4 * 40, target = pictures().rendered[at]!;
  const { figures: [found], gradient } = await compare({ l1: 0, l2: 1, ssim: 0 }, [pictures({ [at]: 1.7 })]);
  const r = 1.7 - target, n = 3 * PIXELS;
  assert.ok(Math.abs(found![PICTURE_SUMMARY.l2]! - r * r / n) < 1e-9);
  assert.ok(Math.abs(gradient[at]! - 2 * r / n) < 1e-9);
  assert.equal(gradient[at + 3], 0);
});

Deno.test("pictureLossOps: values that are not finite are counted by pixel and show in loss and gradient", async () => {
  const [a, b] = [4 * 40, 4 * 700];
  const damaged = pictures({ [a]: NaN, [a + 1]: Infinity, [b + 2]: NaN });
  for (const weights of [MIX, { l1: 1, l2: 0, ssim: 0 }, { l1: 0, l2: 1, ssim: 0 }, { l1: 0, l2: 0, ssim: 1 }]) {
    const { figures: [found], gradient } = await compare(weights, [damaged]);
    assert.equal(found![PICTURE_SUMMARY.notFinite], 2);
    assert.ok(Number.isNaN(found![PICTURE_SUMMARY.loss]), JSON.stringify(weights));
    assert.ok(Number.isNaN(gradient[a]) && Number.isNaN(gradient[b + 2]), JSON.stringify(weights));
    assert.ok(Number.isFinite(gradient[4 * 370]), "far from both no window sees them");
  }
});

Deno.test("Without weight SSIM takes no memory, and with it 1600 x 1600 pixels fit default bindings", () => {
  const config = { width: WIDTH, height: HEIGHT, weights: { ...MIX, ssim: 0 } };
  const { windowRows, windowSlopes, windowSums } = pictureLossMemory(config);
  assert.deepEqual([windowRows, windowSlopes, windowSums], [0, 0, 0]);
  const large = Object.values(pictureLossMemory({ width: 1600, height: 1600, weights: MIX }));
  assert.ok(Math.max(...large) <= 128 * 2 ** 20);
});

Deno.test("Settings outside their range are refused with a sentence", () => {
  const refused = (change: object, message: RegExp) =>
    assert.throws(() => pictureLossMemory({ width: WIDTH, height: HEIGHT, weights: MIX, ...change }), {
      name: "RangeError",
      message,
    });
  refused({ width: 0 }, /^The picture loss needs a width of at least 1: found 0$/);
  refused({ weights: { l1: 0, l2: 0, ssim: 0 } }, /at least 0, and one of them above it: found l1 0, l2 0, ssim 0$/);
  refused({ weights: { ...MIX, l2: -1 } }, /found l1 0.2, l2 -1, ssim 0.1$/);
  refused({ weights: { ...MIX, ssim: NaN } }, /ssim NaN$/);
});
