/**
 * Many run folders read by two threads: each takes the next chunk of folders when it is done with one.
 *
 * Nearly all of reading is waiting for the system, which two threads do at once. What is read, and in which order it is
 * given back, does not depend on who read it.
 *
 * @module
 */
import { type Reading, readRun, type RunRows } from "./run_rows.ts";
import type { TableName } from "./tables.ts";

/** One folder as it was read. */
export interface ReadFolder {
  /** Its rows; undefined when it has no readable plan. */
  readonly rows: RunRows | undefined;
  /** What was left out of it. */
  readonly warnings: readonly string[];
}

/** What the second thread is told; it answers with {@link ReadChunk}s, then with null. */
export interface ChunksToRead {
  readonly kind: "runs";
  readonly root: string;
  readonly wanted: ReadonlySet<TableName>;
  /** All run folders, relative to the root. */
  readonly directories: readonly string[];
  /** One number: the next chunk that nobody has taken. */
  readonly next: Int32Array<SharedArrayBuffer>;
}

/** A chunk of folders that was read. */
export interface ReadChunk {
  /** Which. */
  readonly chunk: number;
  /** Its folders, in order. */
  readonly folders: readonly ReadFolder[];
}

/** Folders that a thread takes at a time: what waits in between may be the compiler of DuckDB. */
const chunkLength = 100;

/** Fewer folders are read before a second thread has started. */
const leastFolders = 500;

/** Takes chunks that nobody has taken, as long as there are any, and reads them. */
export function* readChunks(all: Omit<ChunksToRead, "kind">): Generator<ReadChunk> {
  const results: Reading["results"] = new Map();
  const chunks = Math.ceil(all.directories.length / chunkLength);
  for (let chunk = take(all.next); chunk < chunks; chunk = take(all.next)) yield readChunk(all, chunk, results);
}

function take(next: Int32Array<SharedArrayBuffer>): number {
  return Atomics.add(next, 0, 1);
}

function readChunk(
  { root, wanted, directories }: Omit<ChunksToRead, "kind">,
  chunk: number,
  results: Reading["results"],
): ReadChunk {
  const folders = directories.slice(chunk * chunkLength, (chunk + 1) * chunkLength).map((directory): ReadFolder => {
    const warnings: string[] = [];
    const warn = (message: string) => void warnings.push(message);
    try {
      return { rows: readRun({ root, wanted, results, warn }, directory), warnings };
    } catch (error) {
      // Looking for it beforehand would cost thousands of sound runs more than it is worth.
      if (!(error instanceof RangeError)) throw error;
      warn(`${directory} was left out: lists or objects in its files are nested too deeply`);
      return { rows: undefined, warnings };
    }
  });
  return { chunk, folders };
}

/** Reads run folders, in order. A second thread helps where there are many of them, and has ended when they are read. */
export async function readFolders(
  root: string,
  wanted: ReadonlySet<TableName>,
  directories: readonly string[],
): Promise<ReadFolder[]> {
  const all = { root, wanted, directories, next: new Int32Array(new SharedArrayBuffer(4)) };
  const found: (readonly ReadFolder[])[] = [];
  const note = ({ chunk, folders }: ReadChunk) => found[chunk] = folders;
  const helper = directories.length < leastFolders ? undefined : startHelper(all, note);
  try {
    for (const chunk of readChunks(all)) {
      note(chunk);
      await new Promise((resolve) => setTimeout(resolve));
    }
    await helper?.done;
  } finally {
    helper?.end();
  }
  // What the other thread took and could not read is read here, so that an error is what it would be without it.
  const results: Reading["results"] = new Map();
  const chunks = Math.ceil(directories.length / chunkLength);
  for (let chunk = 0; chunk < chunks; chunk++) found[chunk] ??= readChunk(all, chunk, results).folders;
  return found.flat();
}

/** Starts the second thread; `done` comes when it has given back all that it took, or has failed. */
function startHelper(all: Omit<ChunksToRead, "kind">, note: (chunk: ReadChunk) => void) {
  const worker = new Worker(new URL("./reading_worker.ts", import.meta.url), { type: "module" });
  const done = new Promise<void>((resolve) => {
    worker.onmessage = ({ data }: MessageEvent<ReadChunk | null>) => data === null ? resolve() : note(data);
    worker.onerror = (event) => {
      event.preventDefault();
      resolve();
    };
  });
  worker.postMessage({ kind: "runs", ...all } satisfies ChunksToRead);
  return { done, end: () => worker.terminate() };
}
