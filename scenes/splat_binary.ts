/**
 * The `.splat` of antimatter15/splat (convert.py): 32 bytes per splat without any header, little endian,
 *
 *     3 f32 centre | 3 f32 standard deviation | 4 u8 r g b a | 4 u8 quaternion w x y z
 *
 * where r, g, b are 255 times the colour 0.5 + C0 f_dc, a is 255 times the opacity and a quaternion's byte is 128 times
 * its component plus 128. There is no colour beyond degree 0.
 *
 * What is lost when writing: colours outside 0 .. 1 are clamped, inside they move by up to 1/510; opacities move by up
 * to 1/510; a quaternion turns by up to 1.2 degrees; a standard deviation is rounded to float32 (of its logarithm 1e-7
 * is lost, and below -103 all), the centre keeps its bits.
 * @module
 */
import { SceneError } from "./errors.ts";
import { allocateSplats, checkSplats, logitOfByte, normaliseRotations, SH_C0 } from "./splat_check.ts";
import { shCoefficients, type Splats } from "./splats.ts";

/** How to write a `.splat`. */
export interface SplatBinaryOptions {
  /** Whether colour of degree 1 to 3 may be dropped: the format has none. Default false: it is an error then. */
  readonly dropSh?: boolean;
}

const BYTES = 32;
/** Smallest positive float32: a standard deviation of 0, which flat splats have, is read as this. */
const SMALLEST = 2 ** -149;
const MEND = "write it again or fetch it again";

/**
 * Reads a `.splat`. Nothing in it says what it is, so any file of a multiple of 32 bytes may be one, and one that was
 * cut between two splats is a file of fewer. Quaternions are normalised, opacity bytes become logits by
 * {@linkcode logitOfByte}, a size of 0 becomes the smallest float32 (logarithm -103.3).
 *
 * @param file its name, for messages
 * @throws SceneError when the length does not fit, a number is not finite, a size is negative or a quaternion zero
 */
export function decodeSplatBinary(bytes: Uint8Array, file: string): Splats {
  if (bytes.length % BYTES !== 0) {
    throw new SceneError(
      file,
      `Torn .splat file: expected a multiple of ${BYTES} bytes, found ${bytes.length}`,
      MEND,
    );
  }
  const splats = allocateSplats(bytes.length / BYTES, 0);
  const { means, logScales, rotations, opacities, sh } = splats;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let i = 0; i < splats.count; i++) {
    const at = i * BYTES;
    for (let j = 0; j < 3; j++) {
      means[3 * i + j] = view.getFloat32(at + 4 * j, true);
      const size = view.getFloat32(at + 12 + 4 * j, true);
      if (!(size >= 0 && size < Infinity)) {
        throw new SceneError(
          file,
          `Expected a size of at least 0 as scale_${j} of splat ${i} (from 0), found ${size}`,
          MEND,
        );
      }
      logScales[3 * i + j] = Math.log(Math.max(size, SMALLEST));
      sh[3 * i + j] = (bytes[at + 24 + j]! / 255 - 0.5) / SH_C0;
    }
    opacities[i] = logitOfByte(bytes[at + 27]!);
    for (let j = 0; j < 4; j++) rotations[4 * i + j] = (bytes[at + 28 + j]! - 128) / 128;
  }
  normaliseRotations(splats, file);
  checkSplats(splats, file);
  return splats;
}

/**
 * Writes a `.splat`, in the order of the splats (convert.py sorts them by size and opacity, so that what matters most
 * arrives first over a slow line).
 *
 * @param file its name, for messages
 * @throws SceneError when the splats do not pass {@linkcode checkSplats}, or have colour beyond degree 0 that nobody
 * said may be dropped
 */
export function encodeSplatBinary(
  splats: Splats,
  file: string,
  options: SplatBinaryOptions = {},
): Uint8Array<ArrayBuffer> {
  checkSplats(splats, file);
  const { count, degree, means, logScales, rotations, opacities, sh } = splats;
  if (degree > 0 && options.dropSh !== true) {
    throw new SceneError(
      file,
      `A .splat file holds colour of degree 0, found degree ${degree}`,
      "write a .ply, or ask for the higher degrees to be dropped with { dropSh: true }",
    );
  }
  const perChannel = shCoefficients(degree);
  const out = new Uint8Array(count * BYTES);
  const view = new DataView(out.buffer);
  const byte = (value: number) => Math.max(0, Math.min(255, Math.round(value)));
  for (let i = 0; i < count; i++) {
    const at = i * BYTES;
    for (let j = 0; j < 3; j++) {
      view.setFloat32(at + 4 * j, means[3 * i + j]!, true);
      view.setFloat32(at + 12 + 4 * j, Math.exp(logScales[3 * i + j]!), true);
      out[at + 24 + j] = byte(255 * (0.5 + SH_C0 * sh[(3 * i + j) * perChannel]!));
    }
    out[at + 27] = byte(255 / (1 + Math.exp(-opacities[i]!)));
    for (let j = 0; j < 4; j++) out[at + 28 + j] = byte(128 * rotations[4 * i + j]! + 128);
  }
  return out;
}
