/**
 * A second thread that reads the files of one table and gives their lines in pieces, while this one starts DuckDB and loads
 * what has come. The pieces are those of {@link filePieces}, in the same order.
 *
 * @module
 */
import { type FilePiece, filePieces } from "./file_pieces.ts";
import { type NodeFile, NodeFiles } from "./node_files.ts";
import type { FileTableName } from "./tables.ts";

/** What the thread is told; it answers with {@link PieceMessage}s. */
export interface PiecesToRead {
  readonly kind: "pieces";
  readonly name: FileTableName;
  readonly root: string;
  /** The files; whose they are the thread need not know. */
  readonly list: readonly NodeFile[];
  /** Words that name the wanted columns; see {@link filePieces}. */
  readonly wanted: ReadonlySet<string> | undefined;
  /** One number: pieces that were used. */
  readonly used: Int32Array<SharedArrayBuffer>;
}

/** What the thread says: a piece, a warning, why it failed, or null when all files are read. */
export type PieceMessage = FilePiece | string | { readonly failed: string } | null;

/** Pieces that may wait to be used: the thread waits when there are more. */
const mostWaiting = 8;

/** Reads files and passes on their pieces; what the thread does. */
export function sendPieces(
  { name, root, list, wanted, used }: PiecesToRead,
  send: (message: PieceMessage, transfer: Transferable[]) => void,
): void {
  let sent = 0;
  const files = new NodeFiles(name, root, list, (warning) => send(warning, []));
  for (const { header, first, csv, numbers } of filePieces(files, wanted, true)) {
    for (let count = Atomics.load(used, 0); sent - count >= mostWaiting; count = Atomics.load(used, 0)) {
      Atomics.wait(used, 0, count);
    }
    const piece: FilePiece = { header, first: first.slice(), csv: csv.slice(), ...(numbers ? { numbers } : {}) };
    const columns = numbers?.columns.flatMap(({ values, present }) => [values.buffer, present.buffer]) ?? [];
    send(piece, [piece.first.buffer, piece.csv.buffer, ...(numbers ? [numbers.sources.buffer] : []), ...columns]);
    sent++;
  }
  send(null, []);
}

/** The thread, at work from the beginning; it must be ended. */
export class PieceThread {
  readonly #files: NodeFiles;
  readonly #worker: Worker;
  readonly #used = new Int32Array(new SharedArrayBuffer(4));
  readonly #messages: PieceMessage[] = [];
  #arrived = () => {};

  /**
   * Starts it.
   *
   * @param files what it reads
   * @param wanted words that name the wanted columns; undefined for all
   */
  constructor(files: NodeFiles, readonly wanted: ReadonlySet<string> | undefined) {
    this.#files = files;
    this.#worker = new Worker(new URL("./reading_worker.ts", import.meta.url), { type: "module" });
    this.#worker.onmessage = ({ data }: MessageEvent<PieceMessage>) => this.#arrive(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#arrive({ failed: event.message });
    };
    const { name, root } = files;
    const list = files.list.map((file) => ({ ...file, origins: [] }));
    const told: PiecesToRead = { kind: "pieces", name, root, list, wanted, used: this.#used };
    this.#worker.postMessage(told);
  }

  #arrive(message: PieceMessage): void {
    this.#messages.push(message);
    this.#arrived();
  }

  /**
   * The pieces, each when it has come; warnings go where those of the files go.
   *
   * @throws {Error} when the thread failed
   */
  async *pieces(): AsyncGenerator<FilePiece> {
    while (true) {
      const message = this.#messages.shift();
      if (message === undefined) await new Promise<void>((resolve) => this.#arrived = resolve);
      else if (message === null) return;
      else if (typeof message === "string") this.#files.warn(message);
      else if ("failed" in message) throw new Error(message.failed);
      else {
        yield message;
        Atomics.add(this.#used, 0, 1);
        Atomics.notify(this.#used, 0);
      }
    }
  }

  /** Ends it. */
  end(): void {
    this.#worker.terminate();
  }
}
