/**
 * Registry record of the spherical-harmonics direction encoding. The heads of the models call the same WGSL function.
 *
 * @module
 */
import type { ForwardKernel } from "../kernel.ts";
import { encodeDirections, referenceSh } from "./spherical_harmonics.ts";

/** Record of the encoding: directions as vec4 (unit length, w unused) to 16 values each. */
export const sphericalHarmonicsKernel: ForwardKernel<"directions", "encoded"> = {
  name: "spherical harmonics",
  kind: "forward",
  sample: (rng, size) => {
    const directions = new Float32Array(size * 4);
    for (let i = 0; i < size; i++) {
      const d = [rng.normal(), rng.normal(), rng.normal()];
      const length = Math.hypot(...d);
      directions.set(d.map((x) => x / length), 4 * i);
      directions[4 * i + 3] = rng.uniform();
    }
    return { directions };
  },
  forward: async (gpu, { directions }) => ({ encoded: await encodeDirections(gpu, directions as Float32Array) }),
  reference: ({ directions: d }) => {
    const encoded = new Float64Array(d.length * 4);
    for (let i = 0; i < d.length; i += 4) encoded.set(referenceSh(d[i]!, d[i + 1]!, d[i + 2]!), 4 * i);
    return { encoded };
  },
  // 1.2e-7 at a value of -0.55, 300 directions.
  tolerance: { encoded: { absolute: 4e-7, relative: 0 } },
  poison: { forward: ["directions"] },
  limits: ({ directions }) => [
    { name: "directions", bytes: directions.byteLength },
    { name: "direction encoding", bytes: directions.byteLength * 4 },
  ],
  manyWorkgroups: { limit: 2, size: 150 },
};
