/**
 * `field.safetensors` of a hash field with an `sh` head, read and rendered as docs/rendering.md says, in plain float64 and with
 * nothing of the project's own code: what somebody would write who has the file and the page.
 */

/** A pixel as it is rendered: premultiplied colour, opacity, and distance along the ray (0 where nothing was hit). */
export interface Pixel {
  readonly rgb: readonly number[];
  readonly alpha: number;
  readonly depth: number;
}

type Vector = readonly number[];
const AXES: Vector = [0, 1, 2];

/** Opens a field; the answer renders the pixel of a ray with samples `stepScale` of the trained distance apart. */
export function openField(bytes: Uint8Array): (origin: Vector, direction: Vector, stepScale: number) => Pixel {
  const headerBytes = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + headerBytes)));
  const tensor = (name: string): ArrayBuffer => {
    const [from, to] = header[name].data_offsets;
    return bytes.slice(8 + headerBytes + from, 8 + headerBytes + to).buffer;
  };
  const settings = JSON.parse(header.__metadata__.settings);
  const { config, box, near, stepLength, occupancyResolution: side } = settings;
  const table = new Float32Array(tensor("table")), network = new Float32Array(tensor("network"));
  const bits = new Uint32Array(tensor("occupancy"));
  const { levels, features, log2Entries, baseResolution, growth } = config.grid;

  function encode(u: Vector): number[] {
    const out: number[] = [];
    for (let l = 0, start = 0; l < levels; l++) {
      const scale = baseResolution * growth ** l - 1, resolution = Math.ceil(scale) + 1;
      const entries = Math.min(Math.ceil(resolution ** 3 / 8) * 8, 2 ** log2Entries);
      const at = u.map((v) => v * scale + 0.5), corner = at.map(Math.floor);
      const sum = Array<number>(features).fill(0);
      for (let k = 0; k < 8; k++) {
        const far = [k & 1, (k >> 1) & 1, k >> 2];
        const [x, y, z] = corner.map((v, d) => v + far[d]!) as [number, number, number];
        const weight = AXES.reduce((w, d) => w * (far[d] ? at[d]! - corner[d]! : 1 - at[d]! + corner[d]!), 1);
        const hash = (x ^ Math.imul(y, 2654435761) ^ Math.imul(z, 805459861)) >>> 0;
        const entry = (resolution ** 3 > entries ? hash : x + resolution * (y + resolution * z)) % entries;
        for (let f = 0; f < features; f++) sum[f]! += weight * table[(start + entry) * features + f]!;
      }
      out.push(...sum);
      start += entries;
    }
    return out;
  }

  function evaluate(input: Vector, outputs: number): Vector {
    const widths = [input.length, ...Array<number>(config.hiddenLayers).fill(config.width), outputs]
      .map((n) => Math.ceil(n / 4) * 4);
    let x: Vector = input, start = 0;
    for (const [l, from] of widths.slice(0, -1).entries()) {
      const to = widths[l + 1]!;
      const y = Array<number>(to).fill(0);
      for (const [i, v] of x.entries()) {
        for (let o = 0; o < to; o++) {
          y[o]! += v * network[start + ((i >> 2) * (to / 4) + (o >> 2)) * 16 + (i & 3) * 4 + (o & 3)]!;
        }
      }
      x = l + 2 < widths.length ? y.map((v) => Math.max(0, v)) : y;
      start += Math.ceil(from * to / 64) * 64;
    }
    return x;
  }

  const isSet = (base: number, cells: number, [x, y, z]: Vector) => {
    const cell = x! + cells * (y! + cells * z!);
    return ((bits[base + (cell >> 5)]! >>> (cell & 31)) & 1) === 1;
  };
  /** Whether a point may hold anything; the coarse grid must agree. */
  function occupied(u: Vector): boolean {
    const cell = u.map((v) => Math.min(side - 1, Math.max(0, Math.floor(v * side))));
    const coarse = isSet(Math.ceil(side ** 3 / 32), side / 4, cell.map((c) => c >> 2));
    const fine = isSet(0, side, cell);
    if (fine && !coarse) {
      throw new Error(`Cell ${cell} is set in the fine grid, but its block is not in the coarse one`);
    }
    return fine;
  }

  return (origin, direction, stepScale) => {
    const toUnit = (t: number) =>
      AXES.map((d) => (origin[d]! + direction[d]! * t - box.min[d]) / (box.max[d] - box.min[d]));
    const ends = AXES.map((d) => [box.min[d], box.max[d]].map((v) => (v - origin[d]!) / direction[d]!));
    const first = Math.max(near, ...ends.map((pair) => Math.min(...pair)));
    const last = Math.min(...ends.map((pair) => Math.max(...pair)));
    const basis = sphericalHarmonics(direction).slice(0, (config.colour.degree + 1) ** 2);
    const step = stepLength * stepScale;
    let transmittance = 1, alpha = 0, distance = 0;
    const rgb = [0, 0, 0];
    for (let t = first + 0.5 * step; t < last && transmittance >= 1e-4; t += step) {
      const u = toUnit(t);
      if (!occupied(u)) continue;
      const raw = evaluate(encode(u), 1 + 3 * basis.length);
      const opacity = 1 - Math.exp(-Math.exp(Math.min(15, raw[0]!)) * step), weight = transmittance * opacity;
      for (const c of AXES) {
        const sum = basis.reduce((s, b, k) => s + b * raw[1 + c * basis.length + k]!, 0);
        rgb[c]! += weight / (1 + Math.exp(-sum));
      }
      transmittance *= 1 - opacity;
      alpha += weight;
      distance += weight * t;
    }
    return { rgb, alpha, depth: alpha > 1e-3 ? distance / alpha : 0 };
  };
}

/** The 16 real spherical harmonics of degree 0 to 3 of a unit direction, as 3D Gaussian splatting writes them. */
function sphericalHarmonics([x = 0, y = 0, z = 0]: Vector): number[] {
  const xx = x * x, yy = y * y, zz = z * z;
  return [
    0.28209479177387814,
    ...[-y, z, -x].map((v) => 0.4886025119029199 * v),
    ...[x * y, -y * z].map((v) => 1.0925484305920792 * v),
    0.31539156525252005 * (2 * zz - xx - yy),
    -1.0925484305920792 * x * z,
    0.5462742152960396 * (xx - yy),
    -0.5900435899266435 * y * (3 * xx - yy),
    2.890611442640554 * x * y * z,
    -0.4570457994644658 * y * (4 * zz - xx - yy),
    0.3731763325901154 * z * (2 * zz - 3 * xx - 3 * yy),
    -0.4570457994644658 * x * (4 * zz - xx - yy),
    1.445305721320277 * z * (xx - yy),
    -0.5900435899266435 * x * (xx - 3 * yy),
  ];
}
