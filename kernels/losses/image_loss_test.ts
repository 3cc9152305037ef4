import assert from "node:assert/strict";
import { withScratch } from "../_scratch.ts";
import { openGpu } from "../device.ts";
import { uniform } from "../kernel.ts";
import { ssim } from "../metrics/image_quality.ts";
import { Pcg } from "../random/pcg.ts";
import {
  imageFrameWords,
  type ImageLossConfig,
  imageLossMemory,
  imageLossOps,
  referenceImageLoss,
} from "./image_loss.ts";

const gpu = await openGpu();
const CONFIG: ImageLossConfig = {
  width: 19,
  height: 23,
  vectors: 1,
  ssimWeight: 1,
  pixelLoss: "l1",
  padding: "valid",
};
const PIXELS = CONFIG.width * CONFIG.height;

/** Opaque colours in 8 bits as photographs hold them, and the same as a rendered picture. */
const packed = (levels: readonly number[]) => levels.reduce((word, v, c) => word | v << 8 * c, 255 << 24) >>> 0;
const picture = (colourOf: (pixel: number) => readonly number[]) => ({
  targets: Uint32Array.from({ length: PIXELS }, (_, i) => packed(colourOf(i))),
  rendered: Float32Array.from({ length: PIXELS * 4 }, (_, i) => i % 4 === 3 ? 0 : colourOf(i >> 2)[i % 4]! / 255),
});
const grey = (level: number) => picture(() => [level, level, level]);
const noise = (seed: number) => {
  const levels = uniform(new Pcg(seed, 0), PIXELS * 3, 0, 256).map(Math.floor);
  return picture((i) => [...levels.subarray(3 * i, 3 * i + 3)]);
};

/** Compares an opaque rendered picture with each view of `targets` in turn, all in one submit. */
async function compare(config: ImageLossConfig, rendered: Float32Array, ...views: readonly Uint32Array[]) {
  return await withScratch(gpu, async (s) => {
    const targets = new Uint32Array(views.length * PIXELS);
    views.forEach((view, i) => targets.set(view, i * PIXELS));
    const frames = new Uint32Array(views.length * 64);
    views.forEach((_, i) => frames.set(imageFrameWords([0.5, 0.5, 0.5], i * PIXELS), i * 64));
    const frameSlots = s.upload("frames", frames, GPUBufferUsage.UNIFORM);
    const summarySlots = s.buffer("summaries", views.length * 256);
    const { buffers, ops } = s.keep(
      await imageLossOps(
        gpu,
        config,
        {
          rendered: s.upload("rendered", rendered),
          alpha: s.upload("alpha", new Float32Array(PIXELS).fill(1)),
          targets: s.upload("targets", targets),
        },
        views.map((_, i) => ({
          frame: { buffer: frameSlots, offset: i * 256, size: 32 },
          summary: { buffer: summarySlots, offset: i * 256, size: 16 },
        })),
      ),
    );
    gpu.submit(ops.flat());
    const [summaries, gradient, alpha] = (await s.read(
      [summarySlots, views.length * 64],
      [buffers.renderedGradient, PIXELS * 4],
      [buffers.alphaGradient, PIXELS],
    )).map((b) => new Float32Array(b));
    const figures = views.map((_, i) => {
      const [loss, pixelLoss, similarity, squaredError] = summaries!.subarray(64 * i);
      return { loss: loss!, pixelLoss: pixelLoss!, similarity: similarity!, squaredError: squaredError! };
    });
    return { figures, gradient: gradient!, alpha: alpha! };
  });
}

const near = (found: number, wanted: number, within: number) =>
  assert.ok(Math.abs(found - wanted) <= within, `${found} is not within ${within} of ${wanted}`);

Deno.test("SSIM of constant pictures: 1 against 0.5, and 0 against 1", async () => {
  // 8 bits hold no 0.5, so the half is the rendered picture.
  const half = new Float32Array(PIXELS * 4).fill(0.5);
  const { figures } = await compare(CONFIG, half, grey(255).targets);
  near(figures[0]!.similarity, 0.8000159987, 1e-6);
  const { figures: [opposite] } = await compare(CONFIG, grey(0).rendered, grey(255).targets);
  near(opposite!.similarity, 9.999e-5, 1e-6);
  near(opposite!.loss, 1 - 9.999e-5, 1e-6);
});

for (const padding of ["valid", "zero"] as const) {
  Deno.test(`Equal pictures have SSIM 1, ${padding} padding, and SSIM pulls them nowhere`, async () => {
    for (const { rendered, targets } of [noise(1), grey(255)]) {
      const { figures, gradient, alpha } = await compare({ ...CONFIG, padding }, rendered, targets);
      near(figures[0]!.similarity, 1, 1e-7);
      near(figures[0]!.loss, 0, 1e-7);
      // Prediction and photograph differ by the rounding of x / 255; a gradient that matters here is 1e-3.
      for (const g of [...gradient, ...alpha]) near(g, 0, 1e-7);
    }
  });
}

Deno.test("Summaries of several views in one submit: SSIM is the evaluation's, the rest the reference's", async () => {
  const { rendered } = noise(1), views = [noise(1), noise(2), grey(128)];
  const config: ImageLossConfig = { ...CONFIG, ssimWeight: 0.2 };
  const { figures } = await compare(config, rendered, ...views.map((v) => v.targets));
  const colours = (data: Float32Array) => data.filter((_, i) => i % 4 !== 3);
  for (const [i, { rendered: truth, targets }] of views.entries()) {
    const found = figures[i]!;
    near(found.similarity, ssim(colours(rendered), colours(truth), CONFIG.width, CONFIG.height), 1e-5);
    const alpha = new Float32Array(PIXELS).fill(1);
    const want = referenceImageLoss(config, { rendered, alpha, targets, background: [0.5, 0.5, 0.5], firstPixel: 0 });
    near(found.loss, want.loss, 1e-6);
    near(found.pixelLoss, want.pixelLoss, 1e-6);
    near(found.squaredError, want.squaredError, 1e-6);
  }
});

Deno.test("Without weight SSIM takes no memory and no work, and its figure is 0", async () => {
  const { windowRows, windowSlopes, windowSums } = imageLossMemory({ ...CONFIG, ssimWeight: 0 });
  assert.deepEqual([windowRows, windowSlopes, windowSums], [0, 0, 0]);
  const { figures: [found] } = await compare({ ...CONFIG, ssimWeight: 0 }, grey(0).rendered, grey(255).targets);
  assert.deepEqual(found, { loss: 1, pixelLoss: 1, similarity: 0, squaredError: 1 });
});

Deno.test("800 x 800 pixels fit the bindings of WebGPU's default limits", () => {
  const bytes = Object.values(imageLossMemory({ ...CONFIG, width: 800, height: 800 }));
  assert.ok(Math.max(...bytes) <= 128 * 2 ** 20);
});

Deno.test("Settings outside their range are refused with a sentence", () => {
  const refused = (change: Partial<ImageLossConfig>, message: RegExp) =>
    assert.throws(() => imageLossMemory({ ...CONFIG, ...change }), { name: "RangeError", message });
  refused({ width: 0 }, /^The image loss needs a width of at least 1: found 0$/);
  refused({ ssimWeight: 1.5 }, /^The weight of SSIM must be in \[0, 1\]: found 1.5$/);
  refused({ height: 10 }, /at least 11 x 11 pixels: found 19 x 10; choose zero padding or a weight of 0$/);
  imageLossMemory({ ...CONFIG, height: 10, padding: "zero" });
});
