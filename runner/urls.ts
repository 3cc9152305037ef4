/** Paths and `file:` URLs. */

import { relative, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** The path of a `file:` URL. */
export function fromFileUrl(url: string): string {
  return fileURLToPath(url);
}

/** The `file:` URL of a path. */
export function toFileUrl(path: string): string {
  return pathToFileURL(resolve(path)).href;
}

/** A path seen from a folder, with `/`. */
export function relativePath(from: string, to: string): string {
  return relative(from, to).replaceAll("\\", "/");
}
