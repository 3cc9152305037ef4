/** Where things are on disk. */

/** The folders that a run works with, absolute. */
export interface Folders {
  /** Stage results by key. */
  readonly cache: string;
  /** Runs by experiment. */
  readonly runs: string;
  /** The project: code is named relative to it. */
  readonly root: string;
}

/** The folder of a stage key. */
export function entryPath(folders: Pick<Folders, "cache">, key: string): string {
  return `${folders.cache}/${key}`;
}

/** True when a path exists. */
export async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return false;
    throw error;
  }
}

/** All files of a folder, relative with `/`, sorted. A missing folder has none. */
export async function listFiles(directory: string, prefix = ""): Promise<string[]> {
  const files: string[] = [];
  try {
    for await (const entry of Deno.readDir(directory)) {
      if (entry.isDirectory) files.push(...await listFiles(`${directory}/${entry.name}`, `${prefix}${entry.name}/`));
      else if (entry.isFile || entry.isSymlink) files.push(prefix + entry.name);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return prefix === "" ? files.sort() : files;
}

/** True when a path exists and, with all links followed, lies in a folder; both may themselves be reached through links. */
export async function liesIn(folder: string, path: string): Promise<boolean> {
  try {
    const [outer, inner] = await Promise.all([Deno.realPath(folder), Deno.realPath(path)]);
    return inner === outer || inner.startsWith(outer.endsWith("/") ? outer : `${outer}/`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** The first link in a folder, at any depth, that leads out of it or nowhere; undefined when there is none. */
export async function foreignLink(folder: string, inside: string = folder): Promise<string | undefined> {
  try {
    for await (const entry of Deno.readDir(inside)) {
      const path = `${inside}/${entry.name}`;
      if (entry.isSymlink && !await liesIn(folder, path)) return path;
      const found = entry.isDirectory ? await foreignLink(folder, path) : undefined;
      if (found !== undefined) return found;
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return undefined;
}
