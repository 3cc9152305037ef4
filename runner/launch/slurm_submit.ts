/** Submitting the arrays of a sweep, and the job that makes the report after them. */

import { isPlainObject, readJson, writeJson, writeWhole } from "../json.ts";
import { StageError } from "../errors.ts";
import type { LaunchedSweep } from "./launcher.ts";
import type { ArrayFolder, SubmittedArray } from "./slurm_arrays.ts";
import { complaint, isSilence, type SlurmClient } from "./slurm_client.ts";
import { parseMaxArraySize, parseQueue, queueOptions } from "./slurm_queue.ts";
import { arrayOptions, batchScript, dependencyOption, reportOptions, reportScript } from "./slurm_script.ts";
import type { SlurmSettings } from "./slurm_settings.ts";

/** What {@link Submitter} works with. */
export interface SubmitterOptions {
  /** Resources. */
  readonly settings: SlurmSettings;
  /** Asks Slurm. */
  readonly client: SlurmClient;
  /** The sweep's `slurm/`. */
  readonly folder: ArrayFolder;
  /** The sweep. */
  readonly sweep: LaunchedSweep;
}

const full = /submit limit|QOSMaxSubmit|AssocMaxSubmit|MaxSubmitJobs|MaxJobCount|too many jobs|unable to accept/i;

/** Submits points as job arrays. */
export class Submitter {
  readonly #options: SubmitterOptions;
  #largest: number | undefined;

  /**
   * Makes it.
   *
   * @param options what it works with
   */
  constructor(options: SubmitterOptions) {
    this.#options = options;
  }

  /**
   * Submits points, as many arrays as Slurm's MaxArraySize asks for.
   *
   * @param first number of the first array
   * @param mayWait true when jobs of this sweep are alive, so that a full queue will have room again
   * @returns the arrays; fewer when the sweep was stopped or the queue is full
   * @throws {StageError} when Slurm refuses
   */
  async submit(points: readonly number[], first: number, mayWait: boolean): Promise<SubmittedArray[]> {
    const { client, sweep } = this.#options;
    if (this.#largest === undefined) {
      const config = await client.ask("scontrol", ["show", "config"]);
      if (config === undefined) return [];
      this.#largest = parseMaxArraySize(config);
    }
    const arrays: SubmittedArray[] = [];
    for (let start = 0; start < points.length; start += this.#largest) {
      const chunk = points.slice(start, start + this.#largest);
      const array = await this.#submitArray(first + arrays.length, chunk, mayWait || arrays.length > 0);
      if (!array) break;
      arrays.push(array);
      const count = chunk.length === 1 ? `point ${chunk[0]}` : `${chunk.length} points`;
      sweep.note(`Slurm job ${array.job}: ${count}`);
    }
    return arrays;
  }

  async #submitArray(
    number: number,
    points: readonly number[],
    mayWait: boolean,
  ): Promise<SubmittedArray | undefined> {
    const { client, folder, settings, sweep } = this.#options;
    const name = folder.jobName(number);
    await folder.begin(number, points);
    await writeWhole(folder.script(number), batchScript(folder.list(number), sweep.folder, sweep.task));
    const options = arrayOptions(settings, { name, logs: folder.logs, number, count: points.length });
    while (!sweep.stop.aborted) {
      const answer = await client.once("sbatch", [...options, folder.script(number)]);
      // --parsable: the id, and behind a semicolon the cluster where there are several
      const job = answer.ok ? /^(\d+)(;\S*)?\s*$/m.exec(answer.stdout)?.[1] : undefined;
      if (job !== undefined) {
        const array = { number, points, name, job };
        await folder.remember(array);
        return array;
      }
      if (!isSilence(answer)) {
        await folder.forget(number);
        if (mayWait && full.test(answer.stderr)) return undefined;
        throw new StageError(
          `sbatch refused ${points.length} points: ${
            answer.ok ? `it printed ${JSON.stringify(answer.stdout)} in the place of a job id` : complaint(answer)
          }. See the mapping slurm: of the sweep file`,
        );
      }
      await client.wait(answer);
      // the controller may have taken the job before it fell silent
      const queue = await client.ask("squeue", queueOptions([name]));
      const taken = parseQueue(queue ?? "").find((task) => task.name === name);
      if (taken) {
        const array = { number, points, name, job: taken.job };
        await folder.remember(array);
        return array;
      }
    }
    return undefined;
  }

  /**
   * Lets the report be made when the jobs have ended, whether or not anybody follows them. There is one such job at a time: one that
   * still waits is told to wait for these jobs instead. A report that cannot be submitted is noted, no more.
   *
   * @param argv the command that makes it
   * @param jobs ids of all jobs that are alive
   */
  async report(argv: readonly string[], jobs: readonly string[]): Promise<void> {
    const { client, folder, settings, sweep } = this.#options;
    if (jobs.length === 0 || sweep.stop.aborted) return;
    const record = `${folder.path}/report.job`;
    const found = await readJson(record);
    if (isPlainObject(found) && typeof found.job === "string") {
      const moved = await client.once("scontrol", [
        "update",
        `JobId=${found.job}`,
        dependencyOption(jobs).replace("--dependency", "Dependency"),
      ]);
      if (moved.ok) return;
    }
    const script = `${folder.path}/report.sh`;
    await writeWhole(script, reportScript(argv, sweep.task.cwd));
    const options = reportOptions(settings, { name: folder.jobName("report"), logs: folder.logs, jobs });
    const answer = await client.once("sbatch", [...options, script]);
    const job = /^(\d+)/.exec(answer.stdout)?.[1];
    if (answer.ok && job !== undefined) await writeJson(record, { job, name: folder.jobName("report") });
    else sweep.note(`The job that makes the report could not be submitted: ${complaint(answer)}`);
  }
}
