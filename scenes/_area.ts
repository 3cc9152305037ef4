/**
 * Reducing pictures by area. Colour is averaged premultiplied: averaging straight RGB would let the colour hidden
 * under alpha 0 bleed into edges.
 */

/**
 * Straight 8-bit RGBA to premultiplied float RGBA in [0, 1], reduced by a whole factor: each output pixel is the mean
 * of its block. Sums are whole numbers below 2^53, so the result does not depend on order.
 */
export function premultiplyReduce(
  data: Uint8Array,
  width: number,
  height: number,
  factor: number,
): Float32Array<ArrayBuffer> {
  const w = width / factor;
  const h = height / factor;
  const out = new Float32Array(w * h * 4);
  if (factor === 1) {
    for (let i = 0; i < out.length; i += 4) {
      const a = data[i + 3]!;
      if (a === 0) continue;
      out[i] = data[i]! * a / 65025;
      out[i + 1] = data[i + 1]! * a / 65025;
      out[i + 2] = data[i + 2]! * a / 65025;
      out[i + 3] = a / 255;
    }
    return out;
  }
  const colour = 1 / (65025 * factor * factor);
  const alpha = 1 / (255 * factor * factor);
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) {
      let r = 0, g = 0, b = 0, a = 0;
      for (let dy = 0; dy < factor; dy++) {
        let i = ((y * factor + dy) * width + x * factor) * 4;
        for (let dx = 0; dx < factor; dx++, i += 4) {
          const alphaHere = data[i + 3]!;
          r += data[i]! * alphaHere;
          g += data[i + 1]! * alphaHere;
          b += data[i + 2]! * alphaHere;
          a += alphaHere;
        }
      }
      const o = (y * w + x) * 4;
      out[o] = r * colour;
      out[o + 1] = g * colour;
      out[o + 2] = b * colour;
      out[o + 3] = a * alpha;
    }
  }
  return out;
}

/**
 * Depth reduced by a whole factor: the mean of a block whose pixels are all valid (> 0), else 0. A block that mixes
 * surface and background has no one depth, so none is claimed.
 */
export function reduceDepth(
  data: Float32Array<ArrayBuffer>,
  width: number,
  height: number,
  factor: number,
): Float32Array<ArrayBuffer> {
  if (factor === 1) return data;
  const w = width / factor;
  const h = height / factor;
  const out = new Float32Array(w * h);
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) {
      let sum = 0;
      let all = true;
      for (let dy = 0; dy < factor; dy++) {
        const i = (y * factor + dy) * width + x * factor;
        for (let dx = 0; dx < factor; dx++) {
          const d = data[i + dx]!;
          all &&= d > 0;
          sum += d;
        }
      }
      if (all) out[y * w + x] = sum / (factor * factor);
    }
  }
  return out;
}

/** Normals reduced by a whole factor: the normalised mean of a block whose pixels are all valid, else 0, 0, 0. */
export function reduceNormal(
  data: Float32Array<ArrayBuffer>,
  width: number,
  height: number,
  factor: number,
): Float32Array<ArrayBuffer> {
  if (factor === 1) return data;
  const w = width / factor;
  const h = height / factor;
  const out = new Float32Array(w * h * 3);
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) {
      let nx = 0, ny = 0, nz = 0;
      let all = true;
      for (let dy = 0; dy < factor; dy++) {
        let i = ((y * factor + dy) * width + x * factor) * 3;
        for (let dx = 0; dx < factor; dx++, i += 3) {
          const a = data[i]!, b = data[i + 1]!, c = data[i + 2]!;
          all &&= a * a + b * b + c * c > 0;
          nx += a;
          ny += b;
          nz += c;
        }
      }
      const length = Math.sqrt(nx * nx + ny * ny + nz * nz);
      if (all && length > 0) {
        const o = (y * w + x) * 3;
        out[o] = nx / length;
        out[o + 1] = ny / length;
        out[o + 2] = nz / length;
      }
    }
  }
  return out;
}
