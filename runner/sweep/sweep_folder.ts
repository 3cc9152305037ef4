/** A sweep's folder: what it is, its points (each wave written before it is launched), and one folder per point. */

import { cutTornLine, formatLine, parseCsv } from "../csv.ts";
import { UsageError } from "../errors.ts";
import { canonicalJson, isPlainObject, type Json, readJson, sha256, toJson, writeJson, writeWhole } from "../json.ts";
import type { SlurmSettings } from "../launch/slurm_settings.ts";
import { exists } from "../paths.ts";
import type { CodeState } from "../provenance.ts";
import { parseScalar } from "../scalar.ts";
import type { KnownPoint } from "./propose.ts";
import type { Space, Values } from "./space.ts";
import type { SweepDefinition } from "./sweep_spec.ts";
import { readTrialResult, type TrialResult } from "./trial_result.ts";

/** One row of `points.csv`: a setting, to be brought to a budget. */
export interface SweepPointRow {
  /** Number of the row, from 0. */
  readonly point: number;
  /** Number of the setting, from 0: successive halving has several points of one setting. */
  readonly trial: number;
  /** The wave that it was chosen in, from 0. */
  readonly wave: number;
  /** Steps after which the training pauses; undefined for a whole run. */
  readonly budget?: number;
  /** The values of what varies. */
  readonly values: Values;
}

/** `sweep.json`. */
export interface SweepRecord {
  /** Version of this file's shape. */
  readonly schema: 1;
  /** Id of the sweep: the folder's name. */
  readonly id: string;
  /** What it is. */
  readonly definition: SweepDefinition;
  /** What its experiment's code and data are: SHA-256. */
  readonly code: string;
  /** The working directory that relative data paths start from, absolute. */
  readonly cwd: string;
  /** The cache folder, absolute. */
  readonly cache: string;
  /** The folder of runs, absolute. */
  readonly runs: string;
  /** The project's folder in the copy of the code, from the folder `code/`. */
  readonly project: string;
  /** Stillroom's command line in that copy, from the folder `code/`. */
  readonly main: string;
  /** How it is launched, unless the command says otherwise. */
  readonly settings: {
    /** Processes at a time on one machine. */
    readonly jobs?: number | undefined;
    /** Where points are run. */
    readonly launch?: "local" | "slurm" | undefined;
    /** What is asked of Slurm. */
    readonly slurm?: SlurmSettings | undefined;
  };
  /** Which state of the project its code is a copy of. */
  readonly source: CodeState;
  /** When it began, ISO 8601. */
  readonly started: string;
}

/** The id of a sweep: equal definitions of equal code and data have one folder, so that a killed sweep finds it again. */
export function sweepId(definition: SweepDefinition, code: string): string {
  return `${definition.name}-${sha256(canonicalJson({ definition: toJson(definition), code })).slice(0, 10)}`;
}

/** A value as it stands in `points.csv` and on a command line. */
export async function valueText(value: Json): Promise<string> {
  if (typeof value !== "string") return canonicalJson(value);
  // A cell of a CSV file holds no line break: quoted, it is written as \n.
  const plain = value !== "" && value.trim() === value && !/[\r\n]/.test(value) &&
    await parseScalar(value).catch(() => undefined) === value;
  return plain ? value : JSON.stringify(value);
}

/** The folder of one sweep. */
export class SweepFolder {
  /** Where it is, absolute. */
  readonly path: string;
  readonly #results = new Map<number, TrialResult>();

  /**
   * Makes it; nothing is read or written.
   *
   * @param path where it is, absolute
   */
  constructor(path: string) {
    this.path = path;
  }

  /** The folder of one point. */
  trial(point: number): string {
    return `${this.path}/trials/${point}`;
  }

  /** The points that have a folder, rising: one look instead of one for each point of a large grid. */
  async begun(): Promise<number[]> {
    const points: number[] = [];
    try {
      for await (const { name } of Deno.readDir(`${this.path}/trials`)) points.push(Number(name));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    return points.sort((a, b) => a - b);
  }

  /** Reads `sweep.json`. @throws {UsageError} when it is missing or torn */
  async record(): Promise<SweepRecord> {
    const found = await readJson(`${this.path}/sweep.json`);
    if (!isPlainObject(found) || found.schema !== 1) {
      throw new UsageError(
        `Expected a sweep in ${this.path}, found no sweep.json: start it with deno task sweep FILE.yaml`,
      );
    }
    return found as unknown as SweepRecord;
  }

  /** True when `sweep.json` is there: it is written last when the folder is made. */
  async isMade(): Promise<boolean> {
    return await exists(`${this.path}/sweep.json`);
  }

  /** Writes `sweep.json`. */
  async writeRecord(record: SweepRecord): Promise<void> {
    await writeJson(`${this.path}/sweep.json`, record);
  }

  /** Reads `points.csv`; no points when it is not there. @throws {UsageError} when it is damaged */
  async points(space: Space): Promise<SweepPointRow[]> {
    const path = `${this.path}/points.csv`;
    let text: string;
    try {
      text = await Deno.readTextFile(path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw error;
    }
    const { columns, rows } = parseCsv(cutTornLine(text));
    const expected = pointColumns(space);
    if (columns.join() !== expected.join()) {
      throw new UsageError(
        `Expected the columns ${expected.join(",")} in ${path}, found ${
          columns.join(",")
        }: remove the sweep's folder to begin anew`,
      );
    }
    return await Promise.all(rows.map(async ([point, trial, wave, budget, ...cells], index) => {
      if (Number(point) !== index) {
        throw new UsageError(
          `Expected point ${index} in ${path}, found ${point}: remove the sweep's folder to begin anew`,
        );
      }
      const values: Record<string, Json> = {};
      for (const [i, axis] of space.entries()) values[axis.key] = await parseScalar(cells[i] ?? "") as Json;
      return {
        point: index,
        trial: Number(trial),
        wave: Number(wave),
        ...(budget === "" ? {} : { budget: Number(budget) }),
        values,
      };
    }));
  }

  /** Writes `points.csv` whole: a wave is there with all its points or not at all. */
  async writePoints(space: Space, points: readonly SweepPointRow[]): Promise<void> {
    const lines = await Promise.all(
      points.map(async ({ point, trial, wave, budget, values }) =>
        formatLine([
          point,
          trial,
          wave,
          budget,
          ...await Promise.all(space.map(({ key }) => valueText(values[key] ?? null))),
        ])
      ),
    );
    await writeWhole(`${this.path}/points.csv`, formatLine(pointColumns(space)) + lines.join(""));
  }

  /** The result of a point; undefined when it is not done. Results never change, so each is read once. */
  async result(point: number): Promise<TrialResult | undefined> {
    const known = this.#results.get(point) ?? await readTrialResult(this.trial(point));
    if (known) this.#results.set(point, known);
    return known;
  }

  /** All points with their results. */
  async known(space: Space): Promise<KnownPoint[]> {
    return await Promise.all(
      (await this.points(space)).map(async (row) => ({ row, result: await this.result(row.point) })),
    );
  }

  /** Removes what a killed driver left half written. */
  async tidy(): Promise<void> {
    for await (const { name, isFile } of Deno.readDir(this.path)) {
      if (isFile && name.endsWith(".tmp")) await Deno.remove(`${this.path}/${name}`).catch(() => {});
    }
  }

  /** Takes the results of failed points away, so that they are tried again. */
  async forgetFailed(points: readonly SweepPointRow[]): Promise<number> {
    let count = 0;
    for (const { point } of points) {
      if ((await this.result(point))?.state !== "failed") continue;
      await Deno.remove(`${this.trial(point)}/result.json`);
      this.#results.delete(point);
      count++;
    }
    return count;
  }
}

function pointColumns(space: Space): string[] {
  return ["point", "trial", "wave", "budget", ...space.map(({ key }) => key)];
}
