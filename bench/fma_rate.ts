/**
 * What the device's arithmetic alone can do, beside which benches put their figures.
 *
 * @module
 */
import type { Gpu } from "../kernels/device.ts";
import { link } from "../kernels/link.ts";

/** GFLOP/s of independent fused multiply-adds in registers. */
export async function fmaRate(gpu: Gpu): Promise<number> {
  const threads = 16384, rounds = 2048, chains = 8;
  const out = gpu.buffer("fma", threads * 16);
  const names = [...Array(chains).keys()];
  const code = link(
    {},
    `
@group(0) @binding(0) var<storage, read_write> result: array<vec4f>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = linear_index(id, groups, 64u);
  let m = vec4f(0.999 + f32(i) * 1e-9);
  ${names.map((n) => `var a${n} = vec4f(f32(i + ${n}u));`).join(" ")}
  let bound = min(arrayLength(&result), ${rounds}u);
  for (var k = 0u; k < bound; k++) { ${names.map((n) => `a${n} = fma(a${n}, m, m);`).join(" ")} }
  result[i] = ${names.map((n) => `a${n}`).join(" + ")};
}`,
  );
  const op = await gpu.op("fma", code, [out], { threads, workgroup: 64 });
  await gpu.prewarm([op]);
  const [ms] = await gpu.time([op], 5);
  gpu.free(out);
  return threads * rounds * chains * 4 * 2 / ms! / 1e6;
}
