/**
 * The shapes of the procedural scene: signed distances in float64, and the grid that makes them cheap.
 *
 * `bricks.wgsl` computes the same formulae in float32; this file is its reference. Every distance is at most the true
 * one and changes by at most the distance moved (1-Lipschitz), which is what sphere tracing (Hart 1996) and the grid
 * need.
 * @module
 */

/** The kinds of part. Flat ones are 2D shapes in local x, y, extruded along local z by +-size[2]. */
export const KIND = {
  /** Flat: rectangle of half sizes size[0], size[1]. */
  box: 0,
  /** Flat: disc of radius size[0]. */
  disc: 1,
  /** Flat: ring of middle radius size[0] and half width size[1]. */
  ring: 2,
  /** Flat: rectangle without a doorway of half width extra[0] whose round top is centred at y = extra[1]. */
  arch: 3,
  /** Flat: the part of a rectangle where x extra[0] + y extra[1] <= extra[2]. */
  wedge: 4,
  /** Ball of radius size[0], cut off below z = -size[2]. */
  ball: 5,
  /** Cone: |z| <= size[2] and r extra[0] + z extra[1] <= extra[2], r the distance from the axis. */
  cone: 6,
  /** Bent tube in x, y around the y axis: radius size[0], half angle of sine extra[0] and cosine extra[1]. */
  arc: 7,
} as const;

/** One convex or bent piece of plastic. */
export interface Part {
  /** Its shape. */
  readonly kind: keyof typeof KIND;
  /** Index of its material. */
  readonly material: number;
  /** World coordinates of its local origin. */
  readonly centre: readonly [number, number, number];
  /** Unit quaternion x, y, z, w that turns local directions into world directions. */
  readonly turn: readonly [number, number, number, number];
  /** Half sizes before rounding, see {@linkcode KIND}. */
  readonly size: readonly [number, number, number];
  /** Radius by which the shape is grown: its rounded edges (for `arc`: the radius of the tube). */
  readonly round: number;
  /** What the kind needs beyond a size. */
  readonly extra: readonly [number, number, number];
}

/** Signed distance from (x, y, z) to a part, in scene units; negative inside. */
export function partDistance(part: Part, x: number, y: number, z: number): number {
  const [tx, ty, tz, tw] = part.turn;
  const px = x - part.centre[0];
  const py = y - part.centre[1];
  const pz = z - part.centre[2];
  // v + 2 w (v x u) + 2 u x (u x v): the inverse rotation.
  const cx = 2 * (py * tz - pz * ty);
  const cy = 2 * (pz * tx - px * tz);
  const cz = 2 * (px * ty - py * tx);
  const qx = px + tw * cx + (cy * tz - cz * ty);
  const qy = py + tw * cy + (cz * tx - cx * tz);
  const qz = pz + tw * cz + (cx * ty - cy * tx);
  const [sx, sy, sz] = part.size;
  const [ea, eb, ec] = part.extra;
  const radial = length(qx, qy);
  const bx = Math.abs(qx) - sx;
  const by = Math.abs(qy) - sy;
  const box = length(Math.max(bx, 0), Math.max(by, 0)) + Math.min(Math.max(bx, by), 0);
  let flat: number;
  switch (part.kind) {
    case "box":
      flat = box;
      break;
    case "disc":
      flat = radial - sx;
      break;
    case "ring":
      flat = Math.abs(radial - sx) - sy;
      break;
    case "arch":
      flat = Math.max(box, ea - length(qx, Math.max(qy - eb, 0)));
      break;
    case "wedge":
      flat = Math.max(box, qx * ea + qy * eb - ec);
      break;
    case "ball":
      return Math.max(length(radial, qz) - sx, -qz - sz) - part.round;
    case "cone":
      return Math.max(radial * ea + qz * eb - ec, Math.abs(qz) - sz) - part.round;
    case "arc": {
      const ax = Math.abs(qx);
      const k = eb * ax > ea * qy ? ax * ea + qy * eb : radial;
      return Math.sqrt(Math.max(radial * radial + qz * qz + sx * sx - 2 * sx * k, 0)) - part.round;
    }
  }
  const high = Math.abs(qz) - sz;
  return length(Math.max(flat, 0), Math.max(high, 0)) + Math.min(Math.max(flat, high), 0) - part.round;
}

/** As Math.hypot, which is several times slower. */
function length(a: number, b: number): number {
  return Math.sqrt(a * a + b * b);
}

/** Signed distance from a point to the nearest of some parts, and which it is. Without `among`: of all parts. */
export function nearestPart(
  parts: readonly Part[],
  x: number,
  y: number,
  z: number,
  among?: ArrayLike<number>,
): { distance: number; part: number } {
  let distance = Infinity;
  let nearest = -1;
  const count = among === undefined ? parts.length : among.length;
  for (let k = 0; k < count; k++) {
    const index = among === undefined ? k : among[k]!;
    const d = partDistance(parts[index]!, x, y, z);
    if (d < distance) {
      distance = d;
      nearest = index;
    }
  }
  return { distance, part: nearest };
}

/**
 * Sphere traces a ray in float64 against all parts: the plain reference of the shader.
 *
 * @param direction a unit vector
 * @returns distance along the ray, or 0 when nothing is hit before `far`
 */
export function traceParts(
  parts: readonly Part[],
  origin: readonly [number, number, number],
  direction: readonly [number, number, number],
  far: number,
): number {
  let t = 0;
  for (let step = 0; step < 2000 && t < far; step++) {
    const { distance } = nearestPart(
      parts,
      origin[0] + t * direction[0],
      origin[1] + t * direction[1],
      origin[2] + t * direction[2],
    );
    if (distance < 1e-9) return t;
    t += distance;
  }
  return 0;
}

/** A cube of cells, each with the parts that can be nearest somewhere in it. */
export interface PartGrid {
  /** Cells along an edge. */
  readonly cells: number;
  /** The cube spans [-extent, extent] on each axis. */
  readonly extent: number;
  /** Distance at the centre of each cell, x fastest. */
  readonly distance: Float32Array<ArrayBuffer>;
  /** Per cell: first entry in `list` times 256 plus the number of entries; 0 entries where only the distance is needed. */
  readonly range: Uint32Array<ArrayBuffer>;
  /** Indices of parts. */
  readonly list: Uint32Array<ArrayBuffer>;
}

/**
 * Sorts parts into cells. With h half the diagonal of a cell and d the distance at its centre, a part that is nearest
 * anywhere in the cell is at most d + 2h from its centre (distances are 1-Lipschitz), so that each level of refinement
 * need only look at the parts its parent kept. Cells farther than 2h from everything keep no list: there
 * d - |p - centre| is a safe step.
 *
 * @param cells cells along an edge: a power of two, at least 8
 * @throws RangeError when a part reaches outside the cube or a cell holds more than 255 parts
 */
export function buildGrid(parts: readonly Part[], cells: number, extent: number): PartGrid {
  let size = 1;
  let range = Uint32Array.of(parts.length);
  let starts = Uint32Array.of(0);
  let list = Uint32Array.from(parts.keys());
  let distance = new Float32Array(1);
  const each = new Float64Array(parts.length);
  while (size < cells) {
    const grown = size === 1 ? 8 : size * 2;
    const ratio = grown / size;
    const cell = 2 * extent / grown;
    const reach = Math.sqrt(3) * cell;
    const kept = new Entries();
    const counts = new Uint32Array(grown ** 3);
    const begins = new Uint32Array(grown ** 3);
    distance = new Float32Array(grown ** 3);
    for (let k = 0, at = 0; k < grown; k++) {
      const z = (k + 0.5) * cell - extent;
      for (let j = 0; j < grown; j++) {
        const y = (j + 0.5) * cell - extent;
        for (let i = 0; i < grown; i++, at++) {
          const x = (i + 0.5) * cell - extent;
          const parent = (Math.floor(k / ratio) * size + Math.floor(j / ratio)) * size + Math.floor(i / ratio);
          const first = starts[parent]!;
          const count = range[parent]!;
          let nearest = Infinity;
          for (let n = 0; n < count; n++) {
            const d = partDistance(parts[list[first + n]!]!, x, y, z);
            each[n] = d;
            if (d < nearest) nearest = d;
          }
          distance[at] = nearest;
          begins[at] = kept.length;
          if (grown === cells && nearest > reach) continue;
          // 1e-6: the shader computes in float32.
          for (let n = 0; n < count; n++) if (each[n]! <= nearest + reach + 1e-6) kept.push(list[first + n]!);
          counts[at] = kept.length - begins[at]!;
        }
      }
    }
    [size, range, starts, list] = [grown, counts, begins, kept.finish()];
  }
  const packed = new Uint32Array(range.length);
  for (let at = 0; at < packed.length; at++) {
    if (range[at]! > 255) throw new RangeError(`Expected at most 255 parts in one cell, found ${range[at]}`);
    packed[at] = starts[at]! * 256 + range[at]!;
  }
  return { cells, extent, distance, range: packed, list };
}

/** A growing array of whole numbers. */
class Entries {
  length = 0;
  #data = new Uint32Array(2 ** 16);

  push(value: number): void {
    if (this.length === this.#data.length) {
      const data = new Uint32Array(2 * this.length);
      data.set(this.#data);
      this.#data = data;
    }
    this.#data[this.length++] = value;
  }

  finish(): Uint32Array<ArrayBuffer> {
    return this.#data.slice(0, this.length);
  }
}
