/**
 * What a sweep's folder remembers of the job arrays that were submitted for it, in `slurm/`:
 *
 * ```
 * 1.points    line k: the point that task k of the array runs
 * 1.sh        the batch script
 * 1.job       id and name of the job, written right after `sbatch`
 * logs/1_0.log  what Slurm and the task said
 * ```
 *
 * Everything but `.job` is there before `sbatch`; when a crash came between the two, the job is found again by its name.
 */

import { basename } from "node:path";
import { isPlainObject, readJson, sha256, writeJson, writeWhole } from "../json.ts";

/** A job array of a sweep. */
export interface SubmittedArray {
  /** Its number, from 1. */
  readonly number: number;
  /** The point of each task. */
  readonly points: readonly number[];
  /** The job's name: no other array has it. */
  readonly name: string;
  /** The job's id; undefined when it is not known that it was submitted. */
  readonly job: string | undefined;
}

/** The folder of one sweep's arrays. */
export class ArrayFolder {
  /** `slurm/` in the sweep's folder. */
  readonly path: string;
  readonly #prefix: string;

  /**
   * Makes it; nothing is read or written.
   *
   * @param sweep the sweep's folder, absolute
   */
  constructor(sweep: string) {
    this.path = `${sweep}/slurm`;
    // the same sweep may be run in two folders, by two people: the names of their jobs differ
    this.#prefix = `stillroom-${basename(sweep).replaceAll(/[^\w.-]/g, "_")}-${sha256(sweep).slice(0, 6)}`;
  }

  /** Makes the folders; `sbatch` wants the one for logs to be there. */
  async make(): Promise<void> {
    await Deno.mkdir(this.logs, { recursive: true });
  }

  /** Where logs are. */
  get logs(): string {
    return `${this.path}/logs`;
  }

  /** The name of the job with a number, or of the job that makes the report. */
  jobName(number: number | "report"): string {
    return `${this.#prefix}-${number}`;
  }

  /** The batch script of an array. */
  script(number: number): string {
    return `${this.path}/${number}.sh`;
  }

  /** The list of its points. */
  list(number: number): string {
    return `${this.path}/${number}.points`;
  }

  /** What Slurm and a task said. */
  log(number: number, index: number): string {
    return `${this.logs}/${number}_${index}.log`;
  }

  /** All arrays, oldest first. */
  async arrays(): Promise<SubmittedArray[]> {
    const numbers: number[] = [];
    try {
      for await (const { name } of Deno.readDir(this.path)) {
        const match = /^(\d+)\.points$/.exec(name);
        if (match) numbers.push(Number(match[1]));
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    return await Promise.all(
      numbers.sort((a, b) => a - b).map(async (number) => {
        const lines = (await Deno.readTextFile(this.list(number))).trim().split("\n");
        const record = await readJson(`${this.path}/${number}.job`);
        const job = isPlainObject(record) && typeof record.job === "string" ? record.job : undefined;
        const name = isPlainObject(record) && typeof record.name === "string" ? record.name : this.jobName(number);
        return { number, points: lines.map(Number), name, job };
      }),
    );
  }

  /** Writes the list of a new array. */
  async begin(number: number, points: readonly number[]): Promise<void> {
    await writeWhole(this.list(number), points.map((point) => `${point}\n`).join(""));
  }

  /** Takes back an array that Slurm refused. */
  async forget(number: number): Promise<void> {
    await Deno.remove(this.script(number)).catch(() => {});
    await Deno.remove(this.list(number)).catch(() => {});
  }

  /** Remembers which job an array is. */
  async remember(array: SubmittedArray): Promise<void> {
    await writeJson(`${this.path}/${array.number}.job`, { job: array.job, name: array.name });
  }
}
