/** What is shown while a sweep goes on: a live table on a terminal, a line per point elsewhere. */

import { readJson } from "../runner/json.ts";
import { type Output, seconds, short } from "../runner/progress.ts";
import type { SweepListener } from "../runner/sweep/drive.ts";
import type { KnownPoint } from "../runner/sweep/propose.ts";
import { type SweepFolder, type SweepPointRow, valueText } from "../runner/sweep/sweep_folder.ts";
import type { SweepDefinition } from "../runner/sweep/sweep_spec.ts";
import type { TrialProgress } from "../runner/sweep/trial.ts";
import type { TrialResult } from "../runner/sweep/trial_result.ts";
import { bestOf } from "../runner/sweep/trials_table.ts";
import { numberCell } from "./result_table.ts";
import { alignColumns, type Paint } from "./table.ts";

/** Rows of ended points that a live table shows. */
const RECENT = 8;
/** Rows of running points that a live table shows. */
const RUNNING = 12;

/** Shows a sweep. */
export class SweepTable implements SweepListener {
  readonly #folder: SweepFolder;
  readonly #definition: SweepDefinition;
  readonly #size: number | undefined;
  readonly #jobs: number;
  readonly #out: Output;
  readonly #paint: Paint;
  readonly #began: number;
  #known = new Map<number, KnownPoint>();
  #waiting = new Map<number, SweepPointRow>();
  #recent: SweepPointRow[] = [];
  #worked: number[] = [];
  #ended = 0;
  #lines = 0;
  #told = 0;
  #painting = false;
  #closed = false;

  /**
   * Makes it.
   *
   * @param size how many points there will be, where that is known
   * @param jobs processes at a time, for the time left
   */
  constructor(
    folder: SweepFolder,
    definition: SweepDefinition,
    size: number | undefined,
    jobs: number,
    out: Output,
    paint: Paint,
  ) {
    this.#folder = folder;
    this.#definition = definition;
    this.#size = size;
    this.#jobs = jobs;
    this.#out = out;
    this.#paint = paint;
    this.#began = out.now();
  }

  wave(rows: readonly SweepPointRow[], known: readonly KnownPoint[]): void {
    this.#known = new Map(known.map((item) => [item.row.point, item]));
    this.#ended = known.filter(({ result }) => result).length;
    this.#waiting = new Map(rows.map((row) => [row.point, row]));
    const before = known.length - rows.length;
    const wave = rows[0]?.wave ?? 0;
    const points = `${rows.length} point${rows.length === 1 ? "" : "s"}`;
    this.note(wave === 0 && before === 0 ? `${points} to run` : `Wave ${wave}: ${points} to run, ${before} done`);
  }

  ended(row: SweepPointRow, result: TrialResult): void {
    this.#waiting.delete(row.point);
    this.#known.set(row.point, { row, result });
    this.#ended++;
    this.#recent = [...this.#recent, row].slice(-RECENT);
    if (!result.cached && result.state !== "failed") this.#worked.push(result.seconds);
    if (this.#out.columns() !== undefined) return;
    const done = this.#ended; // before others end
    this.#endedText(row, result, done).then((text) => this.#line(text), () => {});
  }

  note(message: string): void {
    this.#line(`  note: ${message}`);
  }

  tick(): void {
    const columns = this.#out.columns();
    if (columns === undefined) {
      if (this.#out.now() - this.#told < 30_000) return;
      this.#told = this.#out.now();
      this.#running().then((running) => this.#line(this.#status(running.length)), () => {});
      return;
    }
    if (this.#painting) return;
    this.#painting = true;
    this.#repaint(columns).catch(() => {}).finally(() => this.#painting = false);
  }

  /** Takes the live table away, for good. */
  close(): void {
    this.#closed = true;
    this.#erase();
  }

  /** All points, or the last of very many, as a table. */
  async table(known: readonly KnownPoint[], most = 60): Promise<string> {
    const best = bestOf(this.#definition, known);
    const shown = known.slice(-most);
    const rows = await Promise.all(
      shown.map(({ row, result }) => this.#row(row, result, best?.row.point === row.point)),
    );
    const more = known.length > most ? `\n... and ${known.length - most} before these: trials.csv has all` : "";
    return alignColumns([this.#head(), ...rows]) + more;
  }

  #head(): string[] {
    const { space, halving, objective } = this.#definition;
    return [
      "point",
      ...(halving ? ["setting", "steps"] : []),
      ...space.map(({ key }) => key),
      halving ? "value" : objective?.metric ?? "",
      "state",
    ]
      .map((cell) => this.#paint.dim(cell));
  }

  async #row(row: SweepPointRow, result: TrialResult | undefined, isBest = false): Promise<string[]> {
    const { space, halving } = this.#definition;
    const value = result?.value === undefined ? "" : numberCell(result.value);
    return [
      String(row.point),
      ...(halving ? [String(row.trial), String(row.budget ?? "all")] : []),
      ...await Promise.all(space.map(({ key }) => shortValue(row.values[key]))),
      isBest ? this.#paint.green(value) : value,
      result ? this.#stateText(result) : "",
    ];
  }

  /** What a value is of: a paused point's rung is compared by a column of its training. */
  #measure({ state }: TrialResult): string {
    const { objective, halving } = this.#definition;
    return state === "paused" && halving ? `${halving.node}.${halving.column}` : objective?.metric ?? "value";
  }

  #stateText(result: TrialResult): string {
    switch (result.state) {
      case "done":
        return result.cached ? "cached" : `done in ${seconds(result.seconds)}`;
      case "paused":
        return `paused, by ${this.#measure(result)}`;
      case "pruned":
        return this.#paint.yellow(`pruned: ${result.finding?.rule}`);
      case "failed":
        return this.#paint.red(`failed: ${result.error?.split("\n")[0]?.slice(0, 300)}`);
    }
  }

  async #endedText(row: SweepPointRow, result: TrialResult, done: number): Promise<string> {
    const values = await Promise.all(
      this.#definition.space.map(async ({ key }) => `${key}=${await shortValue(row.values[key])}`),
    );
    const value = result.value === undefined ? "" : `  ${this.#measure(result)} ${numberCell(result.value)}`;
    const of = this.#size === undefined ? `${done}` : `${done}/${this.#size}`;
    return `[${of}] point ${row.point}  ${values.join("  ")}${value}  ${this.#stateText(result)}`;
  }

  #status(running: number): string {
    const known = [...this.#known.values()];
    const ended = known.filter(({ result }) => result);
    const best = bestOf(this.#definition, known);
    const words = [
      this.#size === undefined ? `${ended.length} points done` : `${ended.length} of ${this.#size} points`,
      `${running} running`,
    ];
    for (const state of ["pruned", "failed"] as const) {
      const count = ended.filter(({ result }) => result?.state === state).length;
      if (count > 0) words.push(`${count} ${state}`);
    }
    if (best) {
      words.push(
        `best ${this.#definition.objective?.metric} ${
          numberCell(best.result?.value ?? NaN)
        } at point ${best.row.point}`,
      );
    }
    const left = this.#left(ended.length);
    words.push(
      `${seconds((this.#out.now() - this.#began) / 1000)}${left === undefined ? "" : `, about ${seconds(left)} left`}`,
    );
    return words.join(", ");
  }

  /** Seconds left, from the points that were worked on so far. */
  #left(ended: number): number | undefined {
    if (this.#size === undefined || this.#worked.length === 0 || ended >= this.#size) return undefined;
    const mean = this.#worked.reduce((sum, x) => sum + x, 0) / this.#worked.length;
    return mean * (this.#size - ended) / this.#jobs;
  }

  async #running(): Promise<{ row: SweepPointRow; progress: TrialProgress }[]> {
    const found: { row: SweepPointRow; progress: TrialProgress }[] = [];
    for (const point of await this.#folder.begun()) {
      if (found.length >= 256) break;
      const row = this.#waiting.get(point);
      if (!row) continue;
      const progress = await readJson(`${this.#folder.trial(row.point)}/progress.json`) as unknown as
        | TrialProgress
        | undefined;
      if (progress) found.push({ row, progress });
    }
    return found;
  }

  async #repaint(columns: number): Promise<void> {
    const running = await this.#running();
    const known = [...this.#known.values()];
    const best = bestOf(this.#definition, known)?.row.point;
    const recent = await Promise.all(
      this.#recent.map((row) => this.#row(row, this.#known.get(row.point)?.result, row.point === best)),
    );
    const active = await Promise.all(
      running.slice(0, RUNNING).map(async ({ row, progress }) => [
        ...(await this.#row(row, undefined)).slice(0, -1),
        progressText(progress),
      ]),
    );
    const more = running.length > RUNNING ? [`... and ${running.length - RUNNING} more`] : [];
    const table = alignColumns([this.#head(), ...recent, ...active]).split("\n");
    const lines = [...table, ...more, this.#paint.bold(this.#status(running.length))];
    if (this.#closed) return;
    this.#erase();
    this.#out.write(lines.map((line) => cut(line, columns - 1)).join("\n") + "\n");
    this.#lines = lines.length;
  }

  #line(text: string): void {
    this.#erase();
    this.#out.write(text + "\n");
  }

  #erase(): void {
    if (this.#lines > 0) this.#out.write(`\x1b[${this.#lines}A\x1b[0J`);
    this.#lines = 0;
  }
}

async function shortValue(value: unknown): Promise<string> {
  return typeof value === "number" ? numberCell(value) : await valueText((value ?? null) as never);
}

/** How far a running point is: node, phase, part, values. */
function progressText({ node, phase, update }: TrialProgress): string {
  if (!update) return `${node} ${phase}`.trim();
  const part = update.total > 0 ? Math.floor(100 * update.done / update.total) : 0;
  const values = Object.entries(update.values ?? {}).slice(0, 2).map(([name, value]) => `${name} ${short(value)}`);
  return [`${node} ${phase} ${part} %`, ...values].join("  ");
}

/** Cuts a line to so many columns; colours take none. */
function cut(line: string, columns: number): string {
  let shown = 0, text = "";
  // deno-lint-ignore no-control-regex
  for (const piece of line.split(/(\x1b\[\d+m)/)) {
    if (piece.startsWith("\x1b")) text += piece;
    else {
      const kept = [...piece].slice(0, Math.max(0, columns - shown));
      shown += kept.length;
      text += kept.join("");
    }
  }
  return text;
}
