/** Asking Slurm: the programs that are started, and patience with a controller that is being restarted. */

import { StageError, UsageError } from "../errors.ts";
import { type Answer, childEnvironment } from "../process.ts";
import type { LaunchedSweep } from "./launcher.ts";

/** The programs of Slurm that are used. */
export type SlurmProgram = "sbatch" | "squeue" | "scontrol" | "sinfo";

/** What the launcher does to the world besides files. */
export interface SlurmDependencies {
  /** Runs a program of Slurm; never throws. */
  run(program: SlurmProgram, args: readonly string[]): Promise<Answer>;
  /** Waits some milliseconds. */
  sleep(milliseconds: number): Promise<void>;
  /** Milliseconds, rising. */
  now(): number;
}

/** The real ones. */
export const slurmDependencies: SlurmDependencies = {
  async run(program, args) {
    try {
      const output = await new Deno.Command(program, {
        args: [...args],
        clearEnv: true,
        env: submitEnvironment(childEnvironment()),
        stdin: "null",
      }).output();
      const text = new TextDecoder();
      return { ok: output.success, stdout: text.decode(output.stdout), stderr: text.decode(output.stderr) };
    } catch (error) {
      return { ok: false, stdout: "", stderr: error instanceof Error ? error.message : String(error) };
    }
  },
  sleep: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
  now: () => performance.now(),
};

/**
 * An environment without what Slurm set for a job: a sweep may be driven from inside a job, and options of that one
 * (`SLURM_MEM_PER_CPU` and the like) must not reach those that it submits. Where Slurm is and how its commands speak stays.
 */
export function submitEnvironment(environment: Readonly<Record<string, string>>): Record<string, string> {
  const kept = Object.entries(environment).filter(([name]) =>
    name === "SLURM_CONF" || !/^(SLURM|SLURMD|SRUN|SBATCH|SQUEUE|SINFO|SCONTROL)_/.test(name)
  );
  return Object.fromEntries(kept);
}

/** How long a controller that does not answer is asked again, in milliseconds. */
export const PATIENCE = 600_000;

const silent =
  /unable to contact|connect failure|connection refused|timed out|time out|temporarily un|transport|zero bytes|not responding|communication|message receive|protocol authentication|munge|backup controller|try again later|Unexpected message/i;

/** True for the complaints of a controller that is being restarted, or of a network that is away for a while. */
export function isSilence(answer: Answer): boolean {
  return !answer.ok && silent.test(answer.stderr);
}

/** What a program complained of, in one line. */
export function complaint(answer: Answer): string {
  const lines = answer.stderr.split("\n").map((line) => line.replace(/^\w+(:? error)?: /, "").trim()).filter(Boolean);
  return lines.at(-1) ?? "it said nothing";
}

/** Asks Slurm with patience. */
export class SlurmClient {
  readonly #deps: SlurmDependencies;
  readonly #sweep: Pick<LaunchedSweep, "stop" | "note">;
  #silentSince: number | undefined;

  /**
   * Makes it.
   *
   * @param deps programs and clock
   * @param sweep its `stop` ends the patience, its `note` hears of it
   */
  constructor(deps: SlurmDependencies, sweep: Pick<LaunchedSweep, "stop" | "note">) {
    this.#deps = deps;
    this.#sweep = sweep;
  }

  /** Milliseconds, rising. */
  now(): number {
    return this.#deps.now();
  }

  /** Asks once. */
  async once(program: SlurmProgram, args: readonly string[]): Promise<Answer> {
    return await this.#deps.run(program, args);
  }

  /**
   * Asks until there is an answer, ten minutes at most.
   *
   * @returns what the program printed; undefined when the sweep was stopped meanwhile
   * @throws {StageError} when Slurm stays silent or refuses
   */
  async ask(program: SlurmProgram, args: readonly string[]): Promise<string | undefined> {
    while (!this.#sweep.stop.aborted) {
      const answer = await this.once(program, args);
      if (answer.ok) {
        this.heard();
        return answer.stdout;
      }
      if (!isSilence(answer)) throw new StageError(`${program} refused: ${complaint(answer)}`);
      await this.wait(answer);
    }
    return undefined;
  }

  /** Notes that Slurm answers. */
  heard(): void {
    if (this.#silentSince !== undefined) this.#sweep.note("Slurm answers again");
    this.#silentSince = undefined;
  }

  /** Waits a little after an answer that was silence. @throws {StageError} after ten minutes of it */
  async wait(answer: Answer): Promise<void> {
    if (this.#silentSince === undefined) {
      this.#silentSince = this.now();
      this.#sweep.note(`Slurm does not answer (${complaint(answer)}): asking again for up to ten minutes`);
    }
    if (this.now() - this.#silentSince > PATIENCE) {
      throw new StageError(
        `Slurm has not answered for ten minutes (${
          complaint(answer)
        }). The jobs are left as they are: give the same command again to follow them when the controller is back`,
      );
    }
    await this.pause(2000);
  }

  /** Waits, or less when the sweep is stopped. */
  async pause(milliseconds: number): Promise<void> {
    const end = this.now() + milliseconds;
    for (let left = milliseconds; left > 0 && !this.#sweep.stop.aborted; left = end - this.now()) {
      await this.#deps.sleep(Math.min(200, left));
    }
  }

  /** Looks whether Slurm's commands are here. @throws {UsageError} when not */
  async check(): Promise<void> {
    const answer = await this.once("sbatch", ["--version"]);
    if (answer.ok) return;
    throw new UsageError(
      `Slurm's sbatch could not be run (${
        complaint(answer)
      }): work on a machine from which jobs are submitted (Debian, Ubuntu: apt install slurm-client), or use --launch local`,
    );
  }
}
