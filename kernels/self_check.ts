/**
 * A self-check of the device: integers, floats and atomics must be right before anything is believed.
 *
 * @module
 */
import { type Gpu, LINEAR_INDEX } from "./device.ts";

/** Runs a one-second kernel whose answer is known: integer hashing, float arithmetic and atomics must all be right. */
export async function selfCheck(gpu: Gpu): Promise<{ ok: boolean; message: string }> {
  const n = 4096;
  const out = gpu.buffer("self-check", (n + 1) * 4);
  const code = `${LINEAR_INDEX}
@group(0) @binding(0) var<storage, read_write> result: array<atomic<u32>>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = linear_index(id, groups, 64u);
  if (i >= ${n}u) { return; }
  let hash = i * 2654435761u ^ (i >> 3u);
  atomicStore(&result[i], hash ^ bitcast<u32>(sqrt(f32(i)) * 0.5 + 1.0));
  atomicAdd(&result[${n}u], hash & 0xffffu);
}`;
  const op = await gpu.op("self_check", code, [out], { threads: n, workgroup: 64 });
  gpu.submit([op]);
  const got = new Uint32Array(await gpu.read(out, (n + 1) * 4));
  gpu.free(out);
  const bits = new Uint32Array(1), float = new Float32Array(bits.buffer);
  let sum = 0, wrong = 0;
  for (let i = 0; i < n; i++) {
    const hash = (Math.imul(i, 2654435761 | 0) ^ (i >>> 3)) >>> 0;
    sum = (sum + (hash & 0xffff)) >>> 0;
    float[0] = Math.fround(Math.fround(Math.sqrt(i)) * 0.5 + 1);
    // The last bits of a square root may differ between drivers; the integer part may not.
    if (Math.abs(((got[i]! ^ hash) >>> 0) - bits[0]!) > 4) wrong++;
  }
  const ok = wrong === 0 && got[n] === sum;
  return {
    ok,
    message: ok
      ? `${n} hashes, square roots and atomic adds are right`
      : `${wrong} of ${n} values and ${
        got[n] === sum ? "no" : "the"
      } atomic sum are wrong on ${gpu.adapter.description}; update or change the driver`,
  };
}
