/**
 * Real spherical harmonics up to degree 3 (16 values): the direction encoding of instant-ngp ("degree 4" there) and the colour
 * basis of 3D Gaussian splatting, with the same constants and signs.
 *
 * @module
 */
import type { Gpu } from "../device.ts";
import { type Constant, link } from "../link.ts";
import basis from "./spherical_harmonics.wgsl" with { type: "text" };

/** Normalisation constants, emitted into WGSL from here only. */
export const SH_CONSTANTS: Readonly<Record<string, { readonly f32: number }>> = Object.fromEntries(
  Object.entries({
    SH_0: 0.28209479177387814,
    SH_1: 0.4886025119029199,
    SH_2_0: 1.0925484305920792,
    SH_2_1: 0.31539156525252005,
    SH_2_2: 0.5462742152960396,
    SH_3_0: 0.5900435899266435,
    SH_3_1: 2.890611442640554,
    SH_3_2: 0.4570457994644658,
    SH_3_3: 0.3731763325901154,
    SH_3_4: 1.445305721320277,
  }).map(([k, f32]) => [k, { f32 }]),
);

/** WGSL function `sh_basis(direction) -> array<f32, 16>`; link it with {@linkcode SH_CONSTANTS}. */
export const SH_WGSL: string = basis;

/** Float64 reference: the 16 basis values at a unit direction. */
export function referenceSh(x: number, y: number, z: number): number[] {
  const c = (name: string) => SH_CONSTANTS[name]!.f32;
  const xx = x * x, yy = y * y, zz = z * z;
  return [
    c("SH_0"),
    -c("SH_1") * y,
    c("SH_1") * z,
    -c("SH_1") * x,
    c("SH_2_0") * x * y,
    -c("SH_2_0") * y * z,
    c("SH_2_1") * (2 * zz - xx - yy),
    -c("SH_2_0") * x * z,
    c("SH_2_2") * (xx - yy),
    -c("SH_3_0") * y * (3 * xx - yy),
    c("SH_3_1") * x * y * z,
    -c("SH_3_2") * y * (4 * zz - xx - yy),
    c("SH_3_3") * z * (2 * zz - 3 * xx - 3 * yy),
    -c("SH_3_2") * x * (4 * zz - xx - yy),
    c("SH_3_4") * z * (xx - yy),
    -c("SH_3_0") * x * (xx - 3 * yy),
  ];
}

/** Encodes directions (4 floats each, unit length, w unused) into 16 floats each on the device. */
export async function encodeDirections(gpu: Gpu, directions: Float32Array): Promise<Float32Array> {
  const n = directions.length / 4;
  const input = gpu.upload("directions", directions);
  const output = gpu.buffer("direction encoding", n * 64);
  const constants: Record<string, Constant> = { ...SH_CONSTANTS, COUNT: n };
  const code = link(
    constants,
    SH_WGSL,
    `
@group(0) @binding(0) var<storage, read> directions: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> encoded: array<f32>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = linear_index(id, groups, 64u);
  if (i >= COUNT) { return; }
  let y = sh_basis(directions[i].xyz);
  for (var k = 0u; k < 16u; k++) { encoded[i * 16u + k] = y[k]; }
}`,
  );
  gpu.submit([await gpu.op("spherical harmonics", code, [input, output], { threads: n, workgroup: 64 })]);
  const result = await gpu.readFloats(output, n * 16);
  gpu.free(input, output);
  return result;
}
