/**
 * Files of 3D Gaussian splats, by content when reading and by extension when writing: the PLY of the original
 * implementation, PlayCanvas' compressed PLY (read only) and `.splat`.
 * @module
 */
import { messageOf, readBytes, SceneError } from "./errors.ts";
import { isPly, openPly } from "./ply.ts";
import { decodeSplatBinary, encodeSplatBinary, type SplatBinaryOptions } from "./splat_binary.ts";
import { decodeCompressedPly, isCompressedPly } from "./splat_compressed_ply.ts";
import { decodeSplatPly, encodeSplatPly, type SplatPlyOptions } from "./splat_ply.ts";
import type { Splats } from "./splats.ts";

/** How to write splats; each format takes what concerns it. */
export type WriteSplatsOptions = SplatPlyOptions & SplatBinaryOptions;

/**
 * Decodes splats. What starts as a PLY is read as one, compressed or not by its properties; anything else must be named
 * `.splat`, since those files have nothing to know them by.
 *
 * @param file its name, for messages and for the extension
 * @throws SceneError when it is of no format that is read here, torn, too long, or holds no valid splats
 */
export function decodeSplats(bytes: Uint8Array, file: string): Splats {
  if (isPly(bytes)) {
    const ply = openPly(bytes, file);
    return isCompressedPly(ply) ? decodeCompressedPly(ply) : decodeSplatPly(ply);
  }
  if (extensionOf(file) === "splat") return decodeSplatBinary(bytes, file);
  throw new SceneError(
    file,
    bytes.length === 0 ? "The file is empty" : "Expected splats: a PLY, or a file named .splat, found neither",
    "convert it to the PLY of 3D Gaussian splatting, for example with PlayCanvas' splat-transform",
  );
}

/** Reads a file with {@linkcode decodeSplats}. */
export async function readSplats(file: string): Promise<Splats> {
  return decodeSplats(await readBytes(file), file);
}

/**
 * Writes splats as the extension says: `.ply` (float32, every bit kept) or `.splat` (8-bit colour and rotation, see
 * splat_binary.ts).
 *
 * @throws SceneError for another extension, for splats that are not valid or do not fit the format, or when the file
 * cannot be written
 */
export async function writeSplats(file: string, splats: Splats, options: WriteSplatsOptions = {}): Promise<void> {
  const extension = extensionOf(file);
  if ((extension !== "ply" && extension !== "splat") || /\.compressed\.ply$/i.test(file)) {
    throw new SceneError(file, "Splats are written as .ply or .splat, not as what this name says", "rename it");
  }
  const bytes = extension === "ply" ? encodeSplatPly(splats, file, options) : encodeSplatBinary(splats, file, options);
  try {
    await Deno.writeFile(file, bytes);
  } catch (error) {
    const mend = "check the folder, its space and --allow-write";
    throw new SceneError(file, `Cannot be written (${messageOf(error)})`, mend, { cause: error });
  }
}

function extensionOf(file: string): string {
  return /\.([^./\\]+)$/.exec(file)?.[1]?.toLowerCase() ?? "";
}
