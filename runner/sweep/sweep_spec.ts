/** What a sweep is: an experiment, the parameters that vary, how their values are chosen, and what is wanted. */

import { z } from "zod";
import { UsageError } from "../errors.ts";
import { slurmShape } from "../launch/slurm_settings.ts";
import { checkName } from "../names.ts";
import { scheduleShape } from "../schedule/settings.ts";
import { parseStrict } from "../strict.ts";
import { parseAxis, type Space } from "./space.ts";

const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()]);

/** A sweep as its YAML file holds it. */
export const SweepFile = z.object({
  name: z.string().optional().describe("of the sweep's folder; the file's name when left out"),
  experiment: z.string().describe("path of the experiment, from the project's folder"),
  preset: z.string().optional(),
  set: z.record(z.string(), z.unknown()).optional().describe("parameters that are the same for all points"),
  seeds: z.int().min(1).max(1000).default(1).describe("how often each point is repeated; the objective is the mean"),
  seed: z.int().min(0).default(0).describe("the first seed of the stages"),
  parameters: z.record(z.string(), z.union([scalar, z.array(z.unknown())])).describe(
    "key: [a, b], range(low, high, n), log(low, high, n) or int(low, high, n)",
  ),
  search: z.enum(["grid", "random", "sobol", "tpe"]).default("grid"),
  trials: z.int().min(1).max(100_000).optional().describe("how many settings; a grid tries all of them"),
  wave: z.int().min(1).max(10_000).optional().describe(
    "how many points are chosen at a time: tpe and halving learn from one wave for the next; the others have one wave",
  ),
  search_seed: z.int().min(0).default(0).describe("of the random numbers that choose the points"),
  startup: z.int().min(1).default(10).describe("random points before tpe begins"),
  objective: z.string().optional().describe(
    '"maximize evaluate.psnr" or "minimize ..."; else the preset\'s first gate',
  ),
  halving: z.object({
    metric: z.string().describe(
      'column of training_metrics.csv of a node: student.val_psnr; "minimize student.loss" where it goes another way than the objective',
    ),
    min: z.int().min(1).describe("steps of the first rung"),
    max: z.int().min(2).optional().describe("steps of a whole training; the node's own `steps` when left out"),
    eta: z.int().min(2).max(16).default(3).describe("one of so many goes on to the next rung, which is so much longer"),
  }).optional().describe("successive halving: a whole training only for those that are best half-way"),
  stop_on: z.enum(["warning", "critical"]).optional().describe("a diagnosis this bad ends a point early: pruned"),
  jobs: z.int().min(1).max(256).optional().describe("processes at a time on this machine; 1 when left out"),
  launch: z.enum(["local", "slurm"]).optional(),
  slurm: slurmShape.optional(),
  ...scheduleShape,
});

/** A sweep as its YAML file holds it, with defaults filled in. */
export type SweepSettings = z.output<typeof SweepFile>;

/** Which way is better, and what is looked at. */
export interface Objective {
  /** `<node>.<column>`. */
  readonly metric: string;
  /** Which way is better. */
  readonly goal: "maximize" | "minimize";
}

/** What decides which points a sweep has and what they do: equal definitions of equal code are one sweep. */
export interface SweepDefinition {
  /** Its name. */
  readonly name: string;
  /** Path of the experiment, from the project's folder, with `/`. */
  readonly experiment: string;
  /** The preset. */
  readonly preset?: string;
  /** Parameters that are the same for all points: laid over the preset. */
  readonly set: Readonly<Record<string, unknown>>;
  /** Words `key=value` that are the same for all points: laid over `set`. */
  readonly words: readonly string[];
  /** How many seeds each point has. */
  readonly seeds: number;
  /** The first of them. */
  readonly seed: number;
  /** What varies. */
  readonly space: Space;
  /** How points are chosen. */
  readonly search: "grid" | "random" | "sobol" | "tpe";
  /** How many settings are tried; left out for a grid. */
  readonly trials?: number;
  /** How many points are chosen at a time. */
  readonly wave: number;
  /** Seed of what chooses the points. */
  readonly search_seed: number;
  /** Random points before tpe begins. */
  readonly startup: number;
  /** What is wanted; points are not compared without it. */
  readonly objective?: Objective;
  /** Successive halving. */
  readonly halving?: {
    readonly node: string;
    readonly column: string;
    readonly goal: Objective["goal"];
    readonly budgets: readonly number[];
    readonly eta: number;
  };
  /** A diagnosis this bad ends a point. */
  readonly stop_on?: "warning" | "critical";
}

/**
 * Checks the content of a sweep file.
 *
 * @param data the parsed YAML
 * @param file its path, for errors
 * @throws {UsageError} naming the key, and the nearest known one when it is unknown
 */
export function parseSweep(data: unknown, file: string): SweepSettings {
  if (typeof data !== "object" || data === null || Array.isArray(data)) {
    throw new UsageError(`Expected ${file} to be a mapping with the keys experiment and parameters`);
  }
  const { parameters, set, ...rest } = data as Record<string, unknown>;
  // Names of parameters are the experiment's: only the sweep's own keys are known here.
  const shape = SweepFile.omit({ parameters: true, set: true });
  parseStrict(shape, rest, `the sweep ${file}`, ["parameters", "set"]);
  return parseStrict(
    SweepFile,
    { ...rest, parameters, ...(set === undefined ? {} : { set }) },
    `the sweep ${file}`,
  ) as SweepSettings;
}

/** `maximize evaluate.psnr`. */
export function parseObjective(text: string): Objective {
  const match = /^(maximi[sz]e|max|minimi[sz]e|min)\s+([A-Za-z0-9][\w-]*\.\w+)$/.exec(text.trim());
  if (!match) {
    throw new UsageError(
      `Cannot read the objective ${JSON.stringify(text)}: write "maximize evaluate.psnr" or "minimize node.column"`,
    );
  }
  return { metric: match[2] as string, goal: match[1]?.startsWith("max") ? "maximize" : "minimize" };
}

/** The axes of a sweep, in the order in which they were written. */
export function parseSpace(
  parameters: Readonly<Record<string, unknown>>,
  scalar: (text: string, key: string) => unknown,
): Space {
  const space = Object.entries(parameters).map(([key, value]) =>
    parseAxis(key, value as never, ((text: string) => scalar(text, key)) as never)
  );
  if (space.length === 0) throw new UsageError("A sweep needs at least one parameter that varies: key=a,b,c");
  const keys = space.map(({ key }) => key);
  for (const key of keys) {
    const inside = keys.find((other) => other.startsWith(`${key}.`));
    if (inside !== undefined) throw new UsageError(`${key} and ${inside} cannot both vary: the one holds the other`);
  }
  return space;
}

/** The definition's name made safe for a folder. */
export function sweepName(settings: Pick<SweepSettings, "name">, file: string): string {
  const base = file.replace(/^.*\//, "").replace(/\.(ya?ml|ts)$/, "");
  return checkName(settings.name ?? base, "sweep");
}
