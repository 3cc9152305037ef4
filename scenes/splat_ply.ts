/**
 * 3D Gaussian splats as the PLY of the original implementation (graphdeco-inria/gaussian-splatting,
 * scene/gaussian_model.py `save_ply` and `load_ply`; conventions 6.6): one `vertex` element of floats
 *
 *     x y z  nx ny nz  f_dc_0..2  f_rest_0..3(K-1)-1  opacity  scale_0..2  rot_0..3
 *
 * where f_rest is channel by channel, opacity a logit, scale a natural logarithm and rot w, x, y, z of any length.
 * Normals are zeros that nobody reads; gsplat leaves them out. f_rest is left out at degree 0.
 * @module
 */
import { type Ply, plyElement } from "./ply.ts";
import { readPlyColumns } from "./ply_rows.ts";
import {
  allocateSplats,
  checkSplats,
  normaliseRotations,
  OPAQUE_LOGIT,
  shDegreeOf,
  splatColumns,
} from "./splat_check.ts";
import type { Splats } from "./splats.ts";

/** How to write a PLY of splats. */
export interface SplatPlyOptions {
  /** Whether to write nx, ny, nz (zeros), as the original does and some viewers insist on. Default true. */
  readonly normals?: boolean;
}

/**
 * Reads splats from an opened PLY. Properties may come in any order, as float or double, in any byte order or as text;
 * properties and elements of other names are skipped. Quaternions are normalised. An opacity of plus or minus infinity,
 * which PlayCanvas' splat-transform writes for the alphas 255 and 0 of compressed files, becomes
 * {@linkcode OPAQUE_LOGIT} or its negative; anything else that is not finite is an error.
 *
 * @throws SceneError when properties are missing, of other types, or their values are not those of splats
 */
export function decodeSplatPly(ply: Ply): Splats {
  const { file } = ply;
  const names = ply.elements.get("vertex")?.properties.keys() ?? [];
  const degree = shDegreeOf(names, file);
  const wanted = splatColumns(allocateSplats(0, degree)).map((column) => column.name);
  const vertex = plyElement(ply, "vertex", wanted, ["float", "double"]);
  const splats = allocateSplats(vertex.count, degree);
  readPlyColumns(ply, vertex, splatColumns(splats));
  const { opacities } = splats;
  for (let i = 0; i < opacities.length; i++) {
    if (opacities[i] === Infinity) opacities[i] = OPAQUE_LOGIT;
    else if (opacities[i] === -Infinity) opacities[i] = -OPAQUE_LOGIT;
  }
  normaliseRotations(splats, file);
  checkSplats(splats, file);
  return splats;
}

/**
 * Writes splats as a `binary_little_endian` PLY. Every number keeps its bits, and so it does when
 * {@linkcode decodeSplatPly} reads it, unless a quaternion is further from unit length than float32 rounds.
 *
 * @param file its name, for messages
 * @throws SceneError when the splats do not pass {@linkcode checkSplats}
 */
export function encodeSplatPly(splats: Splats, file: string, options: SplatPlyOptions = {}): Uint8Array<ArrayBuffer> {
  checkSplats(splats, file);
  const columns = splatColumns(splats);
  const normals = options.normals ?? true ? ["nx", "ny", "nz"] : [];
  const names = columns.map((column) => column.name);
  names.splice(3, 0, ...normals);
  const header = new TextEncoder().encode(
    `ply\nformat binary_little_endian 1.0\nelement vertex ${splats.count}\n` +
      `${names.map((name) => `property float ${name}\n`).join("")}end_header\n`,
  );
  const stride = names.length * 4;
  const out = new Uint8Array(header.length + splats.count * stride);
  out.set(header);
  const view = new DataView(out.buffer, header.length);
  for (let row = 0; row < splats.count; row++) {
    for (let c = 0; c < columns.length; c++) {
      const column = columns[c]!;
      const at = row * stride + (c < 3 ? c : c + normals.length) * 4;
      view.setFloat32(at, column.data[row * column.stride + column.offset]!, true);
    }
  }
  return out;
}
