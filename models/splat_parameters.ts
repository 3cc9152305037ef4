/**
 * Splats between plain arrays and the layout of the device.
 *
 * @module
 */
import type { Gpu } from "../kernels/device.ts";
import { shVectors, SPLAT_BUFFERS, type SplatBuffers, splatMemory } from "../kernels/splats/projection.ts";
import { shCoefficients, type ShDegree, type Splats } from "../scenes/splats.ts";

/** Parameters in the layout of the device, by the names of `SplatBuffers`. */
export type SplatTensors = Record<typeof SPLAT_BUFFERS[number], Float32Array<ArrayBuffer>>;

const CHANNELS = ["red", "green", "blue"] as const;

/** Lays splats out for the device, with room for `capacity` of them; what is behind the last stays 0. */
export function packSplats(splats: Splats, capacity = splats.count, degree = splats.degree): SplatTensors {
  const stride = 4 * shVectors(degree), stored = shCoefficients(splats.degree);
  const kept = Math.min(stored, shCoefficients(degree));
  const memory = splatMemory({ capacity, degree });
  const out = Object.fromEntries(
    SPLAT_BUFFERS.map((name) => [name, new Float32Array(memory[name] / 4)]),
  ) as SplatTensors;
  for (let i = 0; i < splats.count; i++) {
    out.means.set(splats.means.subarray(3 * i, 3 * i + 3), 4 * i);
    out.shapes.set(splats.logScales.subarray(3 * i, 3 * i + 3), 4 * i);
    out.shapes[4 * i + 3] = splats.opacities[i]!;
    out.rotations.set(splats.rotations.subarray(4 * i, 4 * i + 4), 4 * i);
    for (const [c, name] of CHANNELS.entries()) {
      const at = (3 * i + c) * stored;
      out[name].set(splats.sh.subarray(at, at + kept), i * stride);
    }
  }
  return out;
}

/** The inverse of {@linkcode packSplats}; rotations become unit quaternions. */
export function unpackSplats(tensors: SplatTensors, count: number, degree: ShDegree): Splats {
  const stride = 4 * shVectors(degree), K = shCoefficients(degree);
  const means = new Float32Array(3 * count), logScales = new Float32Array(3 * count);
  const rotations = new Float32Array(4 * count), opacities = new Float32Array(count);
  const sh = new Float32Array(3 * K * count);
  for (let i = 0; i < count; i++) {
    means.set(tensors.means.subarray(4 * i, 4 * i + 3), 3 * i);
    logScales.set(tensors.shapes.subarray(4 * i, 4 * i + 3), 3 * i);
    opacities[i] = tensors.shapes[4 * i + 3]!;
    const q = tensors.rotations.subarray(4 * i, 4 * i + 4), length = Math.hypot(q[0]!, q[1]!, q[2]!, q[3]!);
    for (let k = 0; k < 4; k++) rotations[4 * i + k] = q[k]! / length;
    for (const [c, name] of CHANNELS.entries()) {
      sh.set(tensors[name].subarray(i * stride, i * stride + K), (3 * i + c) * K);
    }
  }
  return { count, degree, means, logScales, rotations, opacities, sh };
}

/** Uploads tensors; the buffers are the caller's to free. */
export function uploadSplats(gpu: Gpu, tensors: SplatTensors): SplatBuffers {
  return Object.fromEntries(SPLAT_BUFFERS.map((name) => [name, gpu.upload(`splat ${name}`, tensors[name])])) as Record<
    typeof SPLAT_BUFFERS[number],
    GPUBuffer
  >;
}
