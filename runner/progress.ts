/** What is shown while a run is going on, on standard error. */

import type { Severity } from "./diagnosis.ts";
import type { ProgressUpdate } from "./stage.ts";

/** Hears what happens in a run. */
export interface ProgressSink {
  /** A node begins. */
  start(label: string): void;
  /** The node enters a phase. */
  phase(name: string): void;
  /** The node got further. */
  progress(update: ProgressUpdate): void;
  /** Something worth a line. */
  event(severity: Severity, message: string): void;
  /** The node ended: `done in 3.2 s`, `cached`, `failed`. */
  finish(label: string, outcome: string): void;
  /** Takes the live line away. */
  close(): void;
}

/** Hears and says nothing. */
export const silent: ProgressSink = {
  start() {},
  phase() {},
  progress() {},
  event() {},
  finish() {},
  close() {},
};

/** Where text goes and how wide it may be. */
export interface Output {
  /** Writes text at once. */
  write(text: string): void;
  /** Columns of the terminal; undefined when it is none. */
  columns(): number | undefined;
  /** Milliseconds, rising. */
  now(): number;
}

/** Standard error of this process. */
export function standardError(): Output {
  return {
    write(text) {
      let bytes = new TextEncoder().encode(text);
      try {
        while (bytes.length > 0) bytes = bytes.subarray(Deno.stderr.writeSync(bytes));
      } catch { /* nobody listens any more: a broken pipe must not end a training run */ }
    },
    columns() {
      if (!Deno.stderr.isTerminal() || Deno.env.get("TERM") === "dumb") return undefined;
      try {
        return Deno.consoleSize().columns || 80; // some terminals do not say
      } catch {
        return 80;
      }
    },
    now: () => performance.now(),
  };
}

/** Rate and time left, from the pace since the phase began; smoothed, so that a resumed stage starts well. */
export class Pace {
  #first: { at: number; done: number } | undefined;
  #last: { at: number; done: number } | undefined;
  #rate: number | undefined;

  /** Takes in a point: `at` in milliseconds. */
  add(at: number, done: number): void {
    this.#first ??= { at, done };
    const last = this.#last ?? this.#first;
    if (done < last.done) {
      this.#first = this.#last = { at, done };
      this.#rate = undefined;
      return;
    }
    if (at > last.at && done > last.done) {
      const now = (done - last.done) / (at - last.at) * 1000;
      const weight = 1 - Math.exp(-(at - last.at) / 5000); // the last five seconds count most
      this.#rate = this.#rate === undefined ? now : this.#rate + weight * (now - this.#rate);
      this.#last = { at, done };
    }
  }

  /** Units per second; undefined before the second point. */
  get rate(): number | undefined {
    return this.#rate;
  }

  /** Seconds left. */
  eta(total: number): number | undefined {
    if (this.#rate === undefined || this.#rate <= 0 || this.#last === undefined) return undefined;
    return Math.max(0, total - this.#last.done) / this.#rate;
  }
}

/** A live bar on a terminal, one line every few seconds elsewhere. */
export class TextProgress implements ProgressSink {
  readonly #out: Output;
  readonly #every: number;
  #label = "";
  #phase = "";
  #update: ProgressUpdate | undefined;
  #pace = new Pace();
  #painted = -Infinity;
  #began = 0;
  #live = false;
  #timer: ReturnType<typeof setInterval> | undefined;

  /**
   * Makes it.
   *
   * @param out where to write
   * @param every milliseconds between two lines when `out` is no terminal
   */
  constructor(out: Output, every = 5000) {
    this.#out = out;
    this.#every = every;
  }

  start(label: string): void {
    this.#label = label;
    this.#phase = "";
    this.#reset();
    this.#began = this.#out.now();
    this.#painted = this.#out.columns() === undefined ? this.#began : -Infinity;
    if (this.#out.columns() !== undefined) {
      // keeps the clock going while a phase such as compiling reports nothing
      this.#timer ??= setInterval(() => this.#paint(), 1000);
      Deno.unrefTimer(this.#timer as unknown as number);
    }
    this.#paint();
  }

  phase(name: string): void {
    if (name === this.#phase) return;
    this.#phase = name;
    this.#reset();
    this.#paint(this.#out.columns() !== undefined);
  }

  progress(update: ProgressUpdate): void {
    this.#update = update;
    this.#pace.add(this.#out.now(), update.done);
    this.#paint(false, 100);
  }

  event(severity: Severity, message: string): void {
    this.#line(`${severity === "note" ? "  note" : severity === "warning" ? "  warning" : "  CRITICAL"}: ${message}`);
  }

  finish(label: string, outcome: string): void {
    this.#line(`${label.padEnd(16)} ${outcome}`);
    this.#label = "";
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    if (this.#live) this.#out.write("\r\x1b[2K");
    this.#live = false;
  }

  #reset(): void {
    this.#update = undefined;
    this.#pace = new Pace();
  }

  #line(text: string): void {
    if (this.#live) this.#out.write("\r\x1b[2K");
    this.#live = false;
    this.#out.write(text + "\n");
  }

  #paint(now = false, least = 0): void {
    if (this.#label === "") return;
    const columns = this.#out.columns();
    const since = this.#out.now() - this.#painted;
    if (!now && since < (columns === undefined ? this.#every : least)) return;
    this.#painted = this.#out.now();
    const text = describeProgress(
      this.#label,
      this.#phase,
      this.#update,
      this.#pace,
      this.#out.now() - this.#began,
      columns,
    );
    if (columns === undefined) this.#out.write(text + "\n");
    else {
      this.#out.write(`\r\x1b[2K${text.slice(0, columns - 1)}`);
      this.#live = true;
    }
  }
}

/**
 * One line of progress: label, phase, bar, count, rate, values, time left. Where columns are few the bar is short; what does
 * not fit gives way whole: the rate, the bar, the count, then values from the last.
 */
export function describeProgress(
  label: string,
  phase: string,
  update: ProgressUpdate | undefined,
  pace: Pace,
  elapsed: number,
  columns = Infinity,
): string {
  const narrow = columns < 100;
  const head = `${narrow ? label : label.padEnd(16)} ${phase}`;
  if (!update) return `${head}  ${seconds(elapsed / 1000)}`;
  const part = update.total > 0 ? Math.min(1, Math.max(0, update.done / update.total)) : 0;
  const width = narrow ? 8 : 20;
  const filled = Math.round(part * width);
  const values = Object.entries(update.values ?? {}).map(([name, value]) => `${name} ${short(value)}`);
  const left = pace.eta(update.total);
  const words = {
    bar: ` [${"#".repeat(filled)}${".".repeat(width - filled)}]`,
    count: `${update.done}/${update.total} ${update.unit}${update.total === 1 ? "" : "s"}`,
    rate: pace.rate === undefined ? "" : `${short(pace.rate)}/s`,
  };
  const line = () =>
    [
      `${head.trimEnd()}${words.bar} ${Math.floor(part * 100)} %`,
      words.count,
      words.rate,
      ...values,
      left !== undefined && update.done < update.total ? `${seconds(left)} left` : "",
    ].filter((word) => word !== "").join("  ");
  for (const name of ["rate", "bar", "count"] as const) if (line().length >= columns) words[name] = "";
  while (values.length > 0 && line().length >= columns) values.pop();
  return line();
}

/** A number in four significant digits. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
  if (value === 0 || (Math.abs(value) >= 1e-3 && Math.abs(value) < 1e5)) return String(Number(value.toPrecision(4)));
  return value.toExponential(2);
}

/** A time span for people: `0.4 s`, `12 s`, `3 min 05 s`, `2 h 10 min`. */
export function seconds(value: number): string {
  if (value < 10) return `${value.toFixed(1)} s`;
  if (value < 60) return `${Math.round(value)} s`;
  const whole = Math.round(value);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
  return `${Math.floor(whole / 3600)} h ${String(Math.floor(whole % 3600 / 60)).padStart(2, "0")} min`;
}
