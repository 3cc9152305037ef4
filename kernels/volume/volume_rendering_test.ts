import assert from "node:assert/strict";
import { openGpu } from "../device.ts";
import { referenceVolume } from "./volume_rendering.ts";
import { runVolume } from "./volume_rendering_kernel.ts";

const gpu = await openGpu();

/** One ray through a uniform medium: `n` samples of the same density over `length`, from distance 1. */
function medium(n: number, density: number, length: number) {
  const delta = length / n;
  return {
    spans: Uint32Array.of(0, n),
    intervals: Float32Array.from({ length: 2 * n }, (_, i) => i % 2 ? delta : 1 + (i / 2 + 0.5) * delta),
    density: new Float32Array(n).fill(density),
    values: Float32Array.from({ length: 4 * n }, (_, i) => [0.25, 0.5, 1, 0][i % 4]!),
  };
}

Deno.test("volumeOps: a uniform medium has the opacity and mean depth of Beer's law", async () => {
  const density = 1.5, length = 2, n = 400;
  const { rendered, geometry } = await runVolume(gpu, { vectors: 1, stop: 0 }, medium(n, density, length));
  const alpha = 1 - Math.exp(-density * length);
  assert.ok(Math.abs(geometry[0]! - alpha) < 1e-5);
  assert.ok(Math.abs(geometry[2]! - (1 - alpha)) < 1e-5);
  // Integral of (1 + s) sigma exp(-sigma s) over the length.
  const depth = alpha + (1 - Math.exp(-density * length) * (1 + density * length)) / density;
  assert.ok(Math.abs(geometry[1]! - depth) < 1e-4);
  for (const [c, value] of [0.25, 0.5, 1, 0].entries()) assert.ok(Math.abs(rendered[c]! - value * alpha) < 1e-5);
});

Deno.test("volumeOps: an early stop ends the ray where transmittance falls below it, and says after how many samples", async () => {
  const input = medium(10, 10, 1); // each sample lets exp(-1) through
  const { geometry, weights } = await runVolume(gpu, { vectors: 1, stop: 0.1 }, input);
  assert.equal(geometry[3], 3);
  assert.deepEqual([...weights.slice(3)], Array(7).fill(0));
  assert.ok(Math.abs(geometry[2]! - Math.exp(-3)) < 1e-6);
});

Deno.test("referenceVolume: weights and what gets through add up to 1", () => {
  const { geometry, weights } = referenceVolume({ vectors: 1, stop: 0 }, medium(50, 3, 1));
  assert.ok(Math.abs(weights.reduce((a, b) => a + b) + geometry[2]! - 1) < 1e-14);
  assert.ok(Math.abs(weights.reduce((a, b) => a + b) - geometry[0]!) < 1e-14);
});
