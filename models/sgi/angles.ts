/**
 * Codes the angles of Gaussians whose positions and scales are known: like those of the neighbours that were told before.
 *
 * @module
 */
import { cosineSine } from "./elementary.ts";
import { type BitCoder, clamp, IntegerModel } from "./mixing.ts";
import { type Neighbours, toldOf } from "./neighbours.ts";
import { CODE_AT, CODES } from "./quantised.ts";
import { precisionOf } from "./precision.ts";
import type { SgiHeader } from "./sgi_header.ts";

/** How long Gaussians are told apart for their angles. */
const LONGS = 6;

/** Tells or asks for theta of every Gaussian whose scales are known: the bits that it does not lose. */
export function codeAngles(coder: BitCoder, header: SgiHeader, neighbours: Neighbours, codes: Int32Array): void {
  const { bits } = header, precision = precisionOf(header);
  const count = codes.length / CODES, turns = 2 ** bits.angle, soft = 4 ** bits.position;
  // Of twice the angle, so that half a turn more is the same direction.
  const directions = Array.from({ length: turns }, (_, code) => {
    const [c, s] = cosineSine(code / turns);
    return [c * c - s * s, 2 * c * s] as const;
  });
  const model = new IntegerModel(bits.angle, [LONGS, turns * 4 * LONGS, turns * LONGS], 0);
  const longOf = (k: number) => codes[k * CODES + CODE_AT.scaleX]! - codes[k * CODES + CODE_AT.scaleY]!;
  for (let k = 0; k < count; k++) {
    const at = k * CODES + CODE_AT.angle, told = toldOf(k, neighbours, soft), difference = longOf(k);
    if (difference === 0) {
      codes[at] = 0;
      continue;
    }
    const silent = precision(codes[k * CODES + CODE_AT.scaleX]!, codes[k * CODES + CODE_AT.scaleY]!).angle;
    const long = clamp(Math.floor(difference * 16 / 2 ** bits.scale), 0, LONGS - 1);
    let x = 0, y = 0, weight = 0;
    for (let j = 0; j < told.indices.length; j++) {
      const other = told.indices[j]!, [c, s] = directions[codes[other * CODES + CODE_AT.angle]!]!;
      x += told.weights[j]! * longOf(other) * c;
      y += told.weights[j]! * longOf(other) * s;
      weight += told.weights[j]! * longOf(other);
    }
    let best = 0, most = -Infinity;
    for (let code = 0; code < turns; code++) {
      const along = x * directions[code]![0] + y * directions[code]![1];
      if (along > most) {
        most = along;
        best = code;
      }
    }
    const agreement = weight > 0 ? clamp(Math.floor(4 * most / weight), 0, 3) : 0;
    const nearest = told.indices[0] === undefined ? 0 : codes[told.indices[0] * CODES + CODE_AT.angle]!;
    const contexts = [long, (best * 4 + agreement) * LONGS + long, nearest * LONGS + long];
    codes[at] = model.code(coder, codes[at]!, turns - 1, contexts, [], silent);
  }
}
