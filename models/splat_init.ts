/**
 * Splats to start a training from: random points, as 3D Gaussian splatting starts on scenes without a point cloud
 * (Kerbl et al. 2023, section 7.1; `readNerfSyntheticInfo` of its code), within a box or within the visual hull.
 *
 * @module
 */
import type { Pcg } from "../kernels/random/pcg.ts";
import type { Box } from "../scenes/scene.ts";
import { shCoefficients, type ShDegree, type Splats } from "../scenes/splats.ts";

/** Opacity of a new splat. */
const OPACITY = 0.1;
/** Draws per wanted point before a hull is called empty. */
const MOST_DRAWS = 2000;

/**
 * `count` grey splats at random in the part of a box that `keep` accepts, round, as wide as the root mean square distance to their three
 * nearest neighbours.
 *
 * @throws {RangeError} When hardly any point of the box is accepted.
 */
export function randomSplats(
  count: number,
  box: Box,
  degree: ShDegree,
  rng: Pcg,
  keep: (point: readonly [number, number, number]) => boolean = () => true,
): Splats {
  const means = new Float32Array(3 * count);
  let draws = 0;
  for (let i = 0; i < count;) {
    if (++draws > MOST_DRAWS * count) {
      throw new RangeError(
        `Only ${i} of ${count} starting points were found in ${
          MOST_DRAWS * count
        } draws: are the masks of the photographs empty, or the scene outside of its box?`,
      );
    }
    const point = [0, 1, 2].map((d) => rng.uniform(box.min[d], box.max[d])) as [number, number, number];
    if (keep(point)) means.set(point, 3 * i++);
  }
  const distance = meanNeighbourDistance(means);
  const K = shCoefficients(degree);
  return {
    count,
    degree,
    means,
    logScales: Float32Array.from(
      { length: 3 * count },
      (_, k) => Math.log(Math.max(1e-7, distance[Math.floor(k / 3)]!)),
    ),
    rotations: Float32Array.from({ length: 4 * count }, (_, k) => k % 4 === 0 ? 1 : 0),
    opacities: new Float32Array(count).fill(Math.log(OPACITY / (1 - OPACITY))),
    sh: new Float32Array(3 * K * count),
  };
}

const NEIGHBOURS = 3;

/** Root of the mean squared distance of each point (N * 3) to its three nearest neighbours, or to fewer where there are not three. */
export function meanNeighbourDistance(points: Float32Array): Float64Array {
  const count = points.length / 3;
  const low = [Infinity, Infinity, Infinity], high = [-Infinity, -Infinity, -Infinity];
  for (let k = 0; k < points.length; k++) {
    low[k % 3] = Math.min(low[k % 3]!, points[k]!);
    high[k % 3] = Math.max(high[k % 3]!, points[k]!);
  }
  // Cells that hold two points each on average.
  const side = Math.max(1, Math.floor((count / 2) ** (1 / 3)));
  const size = Math.max(1e-12, ...[0, 1, 2].map((d) => (high[d]! - low[d]!) / side));
  const cell = (i: number) =>
    [0, 1, 2].map((d) => Math.min(side - 1, Math.floor((points[3 * i + d]! - low[d]!) / size)));
  const cells: number[][] = Array.from({ length: side ** 3 }, () => []);
  for (let i = 0; i < count; i++) {
    const [x, y, z] = cell(i) as [number, number, number];
    cells[(z * side + y) * side + x]!.push(i);
  }
  return Float64Array.from({ length: count }, (_, i) => {
    const [x, y, z] = cell(i) as [number, number, number];
    let best: number[] = [];
    // Whatever lies `ring` cells away or farther is at least `(ring - 1) * size` away.
    for (let ring = 0; ring < side; ring++) {
      if (best.length === NEIGHBOURS && best[NEIGHBOURS - 1]! <= ((ring - 1) * size) ** 2 && ring > 0) break;
      for (let dz = -ring; dz <= ring; dz++) {
        for (let dy = -ring; dy <= ring; dy++) {
          const shell = Math.abs(dz) === ring || Math.abs(dy) === ring;
          for (let dx = -ring; dx <= ring; dx += shell || ring === 0 ? 1 : 2 * ring) {
            const [cx, cy, cz] = [x + dx, y + dy, z + dz];
            if (Math.min(cx, cy, cz) < 0 || Math.max(cx, cy, cz) >= side) continue;
            for (const j of cells[(cz * side + cy) * side + cx]!) {
              if (j === i) continue;
              let squared = 0;
              for (let d = 0; d < 3; d++) squared += (points[3 * i + d]! - points[3 * j + d]!) ** 2;
              if (best.length === NEIGHBOURS && squared >= best[NEIGHBOURS - 1]!) continue;
              best = [...best, squared].sort((a, b) => a - b).slice(0, NEIGHBOURS);
            }
          }
        }
      }
    }
    return best.length === 0 ? 0 : Math.sqrt(best.reduce((a, b) => a + b) / best.length);
  });
}
