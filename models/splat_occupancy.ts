/**
 * Where a teacher of splats has anything to show: the cells that bound its students' marching.
 *
 * @module
 */
import { occupancyWords } from "../kernels/rays/ray_sampler.ts";
import { SPLAT_CUTOFFS } from "../kernels/splats/splat_raster.ts";
import type { Box } from "../scenes/scene.ts";
import type { Splats } from "../scenes/splats.ts";

/** Splats count where their opacity reaches this; the rasteriser skips what is below. */
const LEAST_OPACITY = SPLAT_CUTOFFS.minAlpha;

/**
 * Cells that the visible part of some splat may meet: the ellipsoid in which opacity exp(-q) >= 1/255, bounded by a box along its
 * own axes and by one along the world's. No cell that the ellipsoid meets is missed; some that only the boxes meet are held, too.
 *
 * @returns Bits as `visualHull` makes them: 32 cells per word, x fastest.
 */
export function splatOccupancy(splats: Splats, box: Box, resolution: number): Uint32Array<ArrayBuffer> {
  const bits = new Uint32Array(occupancyWords(resolution).fine);
  const size = [0, 1, 2].map((d) => (box.max[d]! - box.min[d]!) / resolution);
  for (let i = 0; i < splats.count; i++) {
    const opacity = 1 / (1 + Math.exp(-splats.opacities[i]!));
    if (!(opacity > LEAST_OPACITY)) continue;
    const reach = Math.sqrt(2 * Math.log(opacity / LEAST_OPACITY));
    const axes = rotationOf(splats.rotations.subarray(4 * i, 4 * i + 4));
    const half = [0, 1, 2].map((k) => reach * Math.exp(splats.logScales[3 * i + k]!));
    // How far a cell's centre may be from the splat's, along each of its axes.
    const allowed = half.map((h, k) =>
      h + [0, 1, 2].reduce((sum, d) => sum + Math.abs(axes[3 * d + k]!) * size[d]! / 2, 0)
    );
    const first: number[] = [], last: number[] = [];
    for (let d = 0; d < 3; d++) {
      const extent = Math.hypot(...[0, 1, 2].map((k) => axes[3 * d + k]! * half[k]!));
      const at = splats.means[3 * i + d]! - box.min[d]!;
      first[d] = Math.max(0, Math.floor((at - extent) / size[d]!));
      last[d] = Math.min(resolution - 1, Math.floor((at + extent) / size[d]!));
    }
    const offset = (d: number, cell: number) => box.min[d]! + (cell + 0.5) * size[d]! - splats.means[3 * i + d]!;
    for (let z = first[2]!; z <= last[2]!; z++) {
      const oz = offset(2, z);
      for (let y = first[1]!; y <= last[1]!; y++) {
        const oy = offset(1, y);
        for (let x = first[0]!; x <= last[0]!; x++) {
          const ox = offset(0, x);
          let meets = true;
          for (let k = 0; k < 3 && meets; k++) {
            meets = Math.abs(axes[k]! * ox + axes[3 + k]! * oy + axes[6 + k]! * oz) <= allowed[k]!;
          }
          const cell = (z * resolution + y) * resolution + x;
          if (meets) bits[cell >> 5]! |= 1 << (cell & 31);
        }
      }
    }
  }
  return bits;
}

/** Row-major rotation of a unit quaternion w, x, y, z. */
function rotationOf(q: Float32Array): number[] {
  const [w, x, y, z] = q as unknown as [number, number, number, number];
  return [
    ...[1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
    ...[2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
    ...[2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
  ];
}
