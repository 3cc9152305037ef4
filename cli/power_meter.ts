/**
 * Measures what a stage costs: power, energy and the memory that the driver counts. Where nothing can be read the reading is empty;
 * docs/measuring.md tells what the numbers mean.
 */

import type { Fingerprint, Meter, MeterReading } from "../runner/environment.ts";
import { measureEnergy, type Sample } from "./meter_energy.ts";
import { isNvidia, surveyNvidia } from "./meter_nvidia.ts";
import { type Ask, nothing, type Reading, type Source, type Survey } from "./meter_source.ts";
import { isSoftware, surveyCard, surveyRapl } from "./meter_sysfs.ts";

/** Calls once after some milliseconds, unless the function it returns is called before. */
export type Later = (ms: number, call: () => void) => () => void;

/** What a meter needs. */
export interface MeterOptions {
  /** Starts `cat` and `nvidia-smi`; `askBriefly` does. */
  readonly ask: Ask;
  /** Milliseconds, rising. */
  readonly now: () => number;
  /** The device that computes; without it nothing is measured. */
  readonly adapter?: Fingerprint | undefined;
  /** Milliseconds between two samples; more where asking is slow. Default 1000. */
  readonly everyMs?: number | undefined;
  /** The id of the process whose memory is wanted. */
  readonly pid?: number | undefined;
  /** The timer. */
  readonly later?: Later | undefined;
}

/** Milliseconds between two samples. */
const EVERY_MS = 1000;
/** Sampling may take one part in this many of the time of one core. */
const SHARE = 100;
/** After so many readings in vain, one after the other, the stage is sampled no more. */
const PATIENCE = 3;

/** Looks for a source of power and memory of the device that computes, and says what it found. Never rejects. */
export async function surveyMeter(options: MeterOptions): Promise<Survey> {
  const { ask, adapter, pid = Deno.pid } = options;
  const { signal } = new AbortController();
  if (adapter === undefined) return nothing("no device is known");
  try {
    if (isSoftware(adapter)) return await surveyRapl(ask, signal);
    if (!isNvidia(adapter)) return await surveyCard(ask, adapter, signal);
    const found = await surveyNvidia(ask, adapter, pid, signal);
    if (found.source) return found;
    const card = await surveyCard(ask, adapter, signal); // the open driver, nouveau, has no nvidia-smi
    return card.source ? card : found;
  } catch (error) {
    return nothing(error instanceof Error ? error.message : String(error));
  }
}

/** Opens the meter of the device that computes; undefined when there is none. Never rejects. */
export async function openMeter(options: MeterOptions): Promise<Meter | undefined> {
  const { source } = await surveyMeter(options);
  return source && new SamplingMeter(source, options);
}

/** Sets a timer that does not keep the process alive. */
const timer: Later = (ms, call) => {
  const id = setTimeout(call, ms);
  Deno.unrefTimer(id as unknown as number);
  return () => clearTimeout(id);
};

/** Reads its source when a stage begins, at intervals, and when it ends. */
class SamplingMeter implements Meter {
  readonly #source: Source;
  readonly #now: () => number;
  readonly #everyMs: number;
  readonly #later: Later;
  readonly #closed = new AbortController();
  #samples: Sample[] = [];
  #begun: number | undefined;
  #failures = 0;
  /** The shortest time a reading took: the nearest to what it costs when the machine is busy. */
  #fastest = Infinity;
  #cancel = () => {};
  #pending: Promise<void> = Promise.resolve();

  constructor(source: Source, options: MeterOptions) {
    this.#source = source;
    this.#now = options.now;
    this.#everyMs = options.everyMs ?? EVERY_MS;
    this.#later = options.later ?? timer;
  }

  async start(): Promise<void> {
    await this.#halt();
    this.#samples = [];
    this.#failures = 0;
    await this.#sample();
    this.#begun = this.#samples[0]?.at ?? this.#now();
    this.#schedule();
  }

  async stop(): Promise<MeterReading> {
    const begun = this.#begun;
    await this.#halt();
    if (begun === undefined) return {};
    const count = this.#samples.length;
    await this.#sample();
    const ended = (this.#samples.length > count ? this.#samples.at(-1)?.at : undefined) ?? this.#now();
    const span = { begun, ended, everyMs: this.#interval(), wraps: this.#source.wraps };
    const energy = measureEnergy(this.#samples, span);
    const ofProcess = peak(this.#samples, "processBytes");
    const bytes = ofProcess ?? peak(this.#samples, "deviceBytes");
    if (energy === undefined && bytes === undefined) return {};
    return {
      ...energy,
      ...(bytes === undefined ? {} : { gpuDriverPeakBytes: bytes }),
      source: ofProcess === undefined ? this.#source.name : `${this.#source.name}, memory of this process`,
    };
  }

  close(): void {
    this.#begun = undefined;
    this.#cancel();
    this.#closed.abort();
  }

  /** Ends the sampling of a stage; a reading under way is waited for, so that no other one overlaps it. */
  async #halt(): Promise<void> {
    this.#begun = undefined;
    this.#cancel();
    await this.#pending;
  }

  #interval(): number {
    return Math.max(this.#everyMs, Number.isFinite(this.#fastest) ? SHARE * this.#fastest : 0);
  }

  #schedule(): void {
    if (this.#begun === undefined || this.#closed.signal.aborted || this.#failures >= PATIENCE) return;
    this.#cancel = this.#later(this.#interval(), () => {
      this.#pending = this.#sample().then(() => this.#schedule());
    });
  }

  async #sample(): Promise<void> {
    if (this.#closed.signal.aborted || this.#failures >= PATIENCE) return;
    const before = this.#now();
    let reading: Reading = {};
    try {
      reading = await this.#source.read(this.#closed.signal);
    } catch { /* counts as a reading in vain */ }
    const after = this.#now();
    if (Object.keys(reading).length === 0) {
      this.#failures++;
      return;
    }
    this.#failures = 0;
    this.#fastest = Math.min(this.#fastest, after - before);
    this.#samples.push({ at: (before + after) / 2, ...reading });
  }
}

function peak(samples: readonly Sample[], name: "deviceBytes" | "processBytes"): number | undefined {
  const most = Math.max(0, ...samples.map((sample) => sample[name] ?? 0));
  return most > 0 ? most : undefined;
}
