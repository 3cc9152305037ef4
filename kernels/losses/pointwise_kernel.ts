/**
 * Registry records of the pointwise losses. Other kernels call `loss_pair` from their own shaders; here a small one calls it
 * on a flat list of residuals.
 *
 * @module
 */
import { withScratch } from "../_scratch.ts";
import type { Gpu } from "../device.ts";
import { type DifferentiableKernel, type Kernel, uniform } from "../kernel.ts";
import { link } from "../link.ts";
import { LOSS_KINDS, LOSS_WGSL, type LossConfig, lossConstants, referenceLoss } from "./pointwise.ts";

const BODY = /* wgsl */ `
@group(0) @binding(0) var<storage, read> counts: array<u32>;
@group(0) @binding(1) var<storage, read> residual: array<f32>;
@group(0) @binding(2) var<storage, read> value_gradient: array<f32>;
@group(0) @binding(3) var<storage, read_write> pairs: array<vec2f>; // value; gradient of the residual
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = linear_index(id, groups, 64u);
  if (i >= counts[0]) { return; }
  let pair = loss_pair(residual[i]);
  pairs[i] = vec2f(pair.x, value_gradient[i] * pair.y);
}`;

async function run(gpu: Gpu, config: LossConfig, residual: Float32Array, gradient: Float32Array) {
  const n = residual.length;
  return await withScratch(gpu, async (s) => {
    const pairs = s.buffer("pairs", n * 8);
    const bindings = [
      s.upload("counts", new Uint32Array([n])),
      s.upload("residual", residual),
      s.upload("value gradient", gradient),
      pairs,
    ];
    const code = link(lossConstants(config), LOSS_WGSL, BODY);
    gpu.submit([await gpu.op("pointwise loss", code, bindings, { threads: n, workgroup: 64 })]);
    const [both] = await s.read([pairs, 2 * n]);
    const all = new Float32Array(both!);
    return { value: all.filter((_, i) => i % 2 === 0), residual: all.filter((_, i) => i % 2 === 1) };
  });
}

type Loss = DifferentiableKernel<"residual", "value", "value", "residual">;

function record(config: LossConfig): Loss {
  return {
    name: `pointwise loss ${config.kind}`,
    kind: "differentiable",
    sample: (rng, size) => ({ residual: uniform(rng, size) }),
    forward: async (gpu, { residual }) => {
      const { value } = await run(gpu, config, residual as Float32Array, new Float32Array(residual.length));
      return { value };
    },
    reference: ({ residual }) => ({ value: Float64Array.from(residual, (r) => referenceLoss(config, r).value) }),
    differentiable: ["residual"],
    seed: (rng, { residual }) => ({ value: uniform(rng, residual.length) }),
    backward: async (gpu, { residual }, { value }) => {
      const result = await run(gpu, config, residual as Float32Array, value as Float32Array);
      return { residual: result.residual };
    },
    referenceBackward: ({ residual }, { value }) => ({
      residual: Float64Array.from(residual, (r, i) => value[i]! * referenceLoss(config, r).derivative),
    }),
    awayFromKinks: ({ residual }, margin) =>
      Array.from(residual).every((r) => Math.min(Math.abs(r), Math.abs(Math.abs(r) - config.delta)) > margin),
    // 3e-8 at 0.54 (l2) and 7.7e-8 at -0.66 (smooth l1, which divides by delta).
    tolerance: { value: { absolute: 1e-7, relative: 1e-6 }, residual: { absolute: 1e-7, relative: 1e-6 } },
    poison: { forward: ["residual"], backward: ["residual", "value"] },
    limits: ({ residual }) => [
      { name: "residual", bytes: residual.byteLength },
      { name: "value gradient", bytes: residual.byteLength },
      { name: "pairs", bytes: residual.byteLength * 2 },
      { name: "counts", bytes: 4 },
    ],
    manyWorkgroups: { limit: 2, size: 133 },
  };
}

/** Records of the pointwise losses; the transition lies inside the range of residuals. */
export const pointwiseKernels: readonly Kernel[] = LOSS_KINDS.map((kind) => record({ kind, delta: 0.3 }));
