/** The sweep files of a folder that have times; they are read again when they change. */

import { basename, relative, resolve } from "node:path";
import { isUserFacing, messageOf, UsageError } from "../errors.ts";
import { parseYaml } from "../scalar.ts";
import { parseSweep, type SweepSettings } from "../sweep/sweep_spec.ts";
import type { Schedule } from "./settings.ts";
import { Timetable } from "./timetable.ts";

/** A sweep file that has times. */
export interface ScheduledSweep {
  /** Relative to the project, with `/`. */
  readonly file: string;
  /** The file's name without its ending, fit to be part of another file's name. */
  readonly name: string;
  /** When it runs. */
  readonly schedule: Schedule;
  /** Its times. */
  readonly timetable: Timetable;
  /** What it asks of Slurm. */
  readonly slurm: SweepSettings["slurm"];
  /** Where its points run. */
  readonly launch: SweepSettings["launch"];
}

/** Where sweep files are. */
export interface SweepFilesOptions {
  /** The project's folder, absolute. */
  readonly root: string;
  /** The folder of sweep files, absolute. */
  readonly directory: string;
  /** Only these, absolute; all of the folder when empty. */
  readonly only: readonly string[];
  /** The zone of files that name none. */
  readonly timezone: string;
  /** Hears what is wrong with a file, once for each change of it. */
  problem(file: string, message: string): void;
}

interface Known {
  readonly stamp: string;
  readonly sweep: ScheduledSweep | undefined;
}

/** The sweep files of a folder. */
export class SweepFiles {
  readonly #options: SweepFilesOptions;
  #known = new Map<string, Known>();
  #broken = new Set<string>();

  /** Makes it; nothing is read yet. */
  constructor(options: SweepFilesOptions) {
    this.#options = options;
  }

  /** The files that were wrong when they were read last. */
  get broken(): ReadonlySet<string> {
    return this.#broken;
  }

  /**
   * The files with `cron`, those that are disabled too, by name. Files that did not change are not read again; what is wrong with
   * one that did is told, and it is left out.
   *
   * @throws {UsageError} when the folder is missing
   */
  async read(): Promise<ScheduledSweep[]> {
    const known = new Map<string, Known>();
    for (const path of await this.#paths()) {
      const stamp = await stampOf(path);
      const before = this.#known.get(path);
      known.set(path, before?.stamp === stamp ? before : { stamp, sweep: await this.#load(path) });
    }
    for (const path of this.#known.keys()) if (!known.has(path)) this.#broken.delete(this.#name(path));
    this.#known = known;
    return [...known.values()].flatMap(({ sweep }) => sweep ?? []);
  }

  async #paths(): Promise<string[]> {
    const { directory, only } = this.#options;
    if (only.length > 0) return [...new Set(only)];
    const paths: string[] = [];
    try {
      for await (const entry of Deno.readDir(directory)) {
        if (!entry.isDirectory && /\.ya?ml$/.test(entry.name)) paths.push(resolve(directory, entry.name));
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      throw new UsageError(
        `Expected sweep files in ${directory}, which is missing: make it, or name another with --dir`,
      );
    }
    return paths.sort();
  }

  #name(path: string): string {
    return relative(this.#options.root, path).replaceAll("\\", "/");
  }

  async #load(path: string): Promise<ScheduledSweep | undefined> {
    const file = this.#name(path);
    this.#broken.delete(file);
    try {
      refuseControl(file, "the name of the sweep file");
      return await readSweep(path, file, this.#options.timezone);
    } catch (error) {
      this.#broken.add(file);
      this.#options.problem(file, isUserFacing(error) ? error.message : `Cannot read ${file}: ${messageOf(error)}`);
      return undefined;
    }
  }
}

/**
 * Refuses line breaks and the like: names become lines of crontabs and units.
 *
 * @throws {UsageError} naming what holds them
 */
export function refuseControl(text: string, what: string): void {
  // deno-lint-ignore no-control-regex
  if (!/[\x00-\x1f\x7f]/.test(text)) return;
  throw new UsageError(`Expected no line breaks or other control characters in ${what}, found ${JSON.stringify(text)}`);
}

async function readSweep(path: string, file: string, timezone: string): Promise<ScheduledSweep | undefined> {
  const settings = parseSweep(await readYaml(path, file), file);
  if (settings.cron === undefined) return undefined;
  const schedule: Schedule = {
    cron: settings.cron.trim().replace(/\s+/g, " "),
    timezone: settings.timezone ?? timezone,
    jitter: settings.jitter,
    missed: settings.missed,
    enabled: settings.enabled,
  };
  return {
    file,
    name: basename(file).replace(/\.ya?ml$/, "").replace(/[^\w.-]/g, "_"),
    schedule,
    timetable: new Timetable(schedule.cron, schedule.timezone),
    slurm: settings.slurm,
    launch: settings.launch,
  };
}

async function readYaml(path: string, file: string): Promise<unknown> {
  const text = await Deno.readTextFile(path);
  try {
    return await parseYaml(text);
  } catch (error) {
    const hint = /^\s*cron:\s*[@*]/m.test(text) ? `; put the expression in quotes: cron: "@daily"` : "";
    throw new UsageError(`Cannot read ${file}: ${messageOf(error).trimEnd()}${hint}`);
  }
}

/** Changes when a file does. A file that cannot be looked at has one too: reading it says why. */
async function stampOf(path: string): Promise<string> {
  try {
    const { mtime, size, ino } = await Deno.stat(path);
    return `${mtime?.getTime()} ${size} ${ino}`;
  } catch (error) {
    return messageOf(error);
  }
}
