/** The context that a running stage sees, backed by its cache folder. */

import type { CheckpointStore, StoredCheckpoint } from "./checkpoint.ts";
import { CsvFile, type CsvWriter } from "./csv.ts";
import type { Severity } from "./diagnosis.ts";
import { Paused } from "./errors.ts";
import { checkFileName } from "./names.ts";
import type { ProgressUpdate, StageContext } from "./stage.ts";
import type { StopSignal } from "./stop.ts";

/** What a running stage tells its surroundings. */
export interface StageListener {
  /** It entered a phase. */
  phase(name: string): void;
  /** It got further. */
  progress(update: ProgressUpdate): void;
  /** Something happened that is worth a line. */
  event(severity: Severity, kind: string, message: string): void;
}

/** What {@link RunningContext} is made of. */
export interface ContextOptions {
  /** Name of the node. */
  readonly node: string;
  /** Its cache folder. */
  readonly directory: string;
  /** The seed. */
  readonly seed: number;
  /** What `Environment.open()` gave. */
  readonly device: unknown;
  /** Raised when the user wants to stop. */
  readonly signal: StopSignal;
  /** Its checkpoints. */
  readonly store: CheckpointStore;
  /** The checkpoint to go on from. */
  readonly resumed: StoredCheckpoint | undefined;
  /** Least seconds between two checkpoints. */
  readonly checkpointSeconds: number;
  /** Leave after a checkpoint once this much is done, unless it is all there is to do; see `RunOptions.pause`. */
  readonly pauseAt?: number | undefined;
  /** Hears how it goes. */
  readonly listener: StageListener;
}

/** A {@link StageContext} with what only the runner may call. */
export class RunningContext implements StageContext {
  readonly node: string;
  readonly directory: string;
  readonly seed: number;
  readonly device: unknown;
  readonly signal: StopSignal;
  readonly checkpoint: StageContext["checkpoint"];
  readonly #options: ContextOptions;
  readonly #files = new Map<string, CsvFile>();
  readonly #started = performance.now();
  #paused = false;

  /**
   * Makes it.
   *
   * @param options what it is made of
   */
  constructor(options: ContextOptions) {
    this.node = options.node;
    this.directory = options.directory;
    this.seed = options.seed;
    this.device = options.device;
    this.signal = this.#pausable(options.signal);
    this.#options = options;
    let saved = performance.now();
    let sequence = options.resumed?.sequence ?? 0;
    this.checkpoint = {
      due: () => this.signal.aborted || performance.now() - saved >= options.checkpointSeconds * 1000,
      load: () => Promise.resolve(options.resumed),
      save: async (checkpoint) => {
        const csv: Record<string, number> = { ...options.resumed?.csv };
        for (const [name, file] of this.#files) {
          file.flush();
          csv[name] = file.bytes;
        }
        await options.store.save({ ...checkpoint, sequence: ++sequence, elapsed: this.elapsed, csv });
        saved = performance.now();
      },
    };
  }

  /** Seconds of work, earlier attempts included. */
  get elapsed(): number {
    return (this.#options.resumed?.elapsed ?? 0) + (performance.now() - this.#started) / 1000;
  }

  phase(name: string): void {
    this.#options.listener.phase(name);
  }

  progress(update: ProgressUpdate): void {
    const { pauseAt } = this.#options;
    if (pauseAt !== undefined && update.done >= pauseAt && update.done < update.total) this.#paused = true;
    this.#options.listener.progress(update);
  }

  csv(file: string, columns: readonly string[]): CsvWriter {
    const name = checkFileName(file.endsWith(".csv") ? file : `${file}.csv`);
    const known = this.#files.get(name);
    if (known) {
      if (known.columns.join() !== columns.join()) {
        throw new RangeError(
          `${name} was opened with the columns ${known.columns.join(", ")}, now with ${columns.join(", ")}`,
        );
      }
      return known;
    }
    const opened = new CsvFile(`${this.directory}/${name}`, columns);
    this.#files.set(name, opened);
    return opened;
  }

  event(severity: Severity, kind: string, message: string): void {
    this.csv("events.csv", ["severity", "kind", "message"]).append({ severity, kind, message });
    this.#options.listener.event(severity, kind, message);
  }

  /** The stop signal, raised too when the stage shall pause. */
  #pausable(signal: StopSignal): StopSignal {
    const paused = () => this.#paused;
    return {
      get aborted() {
        return paused() || signal.aborted;
      },
      throwIfAborted() {
        signal.throwIfAborted();
        if (paused()) throw new Paused();
      },
    };
  }

  /** Closes the CSV files. */
  close(): void {
    for (const file of this.#files.values()) file.close();
    this.#files.clear();
  }
}
