/** What `sweep` may be told. */

import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { multiple, optional } from "@optique/core/modifiers";
import { argument, command, constant, option } from "@optique/core/primitives";
import { choice as oneOf, integer, string } from "@optique/core/valueparser";
import { choice, examples, type FolderArguments, folders, type SweepChoice, sweepOptions } from "./options.ts";

/** The command `sweep`. */
export const sweep = command(
  "sweep",
  object({
    action: constant("sweep"),
    file: argument(string({ metavar: "FILE" }), {
      description:
        message`A sweep file such as sweeps/depth_weight.yaml; or an experiment, with --sweep; or the folder of a sweep that has begun, which then goes on with the code that it began with.`,
    }),
    overrides: choice.overrides,
    preset: choice.preset,
    config: choice.config,
    ...sweepOptions,
    seeds: optional(option("--seeds", integer({ min: 1, max: 1000, metavar: "N" }), {
      description: message`Repeat each point with N seeds; its objective is their mean.`,
    })),
    seed: optional(option("--seed", integer({ min: 0, max: 2 ** 31, metavar: "K" }), {
      description: message`The first seed.`,
    })),
    wave: optional(option("--wave", integer({ min: 1, max: 10_000, metavar: "N" }), {
      description: message`How many points are chosen at a time by tpe and by successive halving; 4 when left out.`,
    })),
    searchSeed: optional(option("--search-seed", integer({ min: 0, max: 2 ** 31, metavar: "K" }), {
      description: message`Seed of what chooses the points; 0 when left out.`,
    })),
    stopOn: optional(option("--stop-on", oneOf(["warning", "critical"], { metavar: "SEVERITY" }), {
      description: message`End a point early, as pruned, when a diagnosis rule finds something this bad.`,
    })),
    launch: optional(option("--launch", oneOf(["local", "slurm"], { metavar: "WHERE" }), {
      description: message`local: processes on this machine (the default). slurm: a job array.`,
    })),
    jobEnv: multiple(option("--job-env", string({ metavar: "NAME=A,B" }), {
      description:
        message`A variable of the environment that differs between the processes: the first gets A, the second B, and so on. For drivers that choose a device by one.`,
    })),
    failFast: option("--fail-fast", {
      description: message`Stop everything when a point fails; otherwise the others go on.`,
    }),
    retryFailed: option("--retry-failed", { description: message`Try points again that failed before.` }),
    report: option("--report", {
      description: message`Write trials.csv and report.md from the results that are there; nothing is run.`,
    }),
    leash: option("--leash", {
      description: message`Stop after checkpoints when standard input ends: whoever started this is gone.`,
    }),
    dryRun: option("--dry-run", { description: message`Show what would be tried; nothing is run or written.` }),
    json: option("--json", {
      description:
        message`Print one JSON object as the last line of standard output; everything else goes to standard error.`,
    }),
    noCheck: option("--no-check", { description: message`Do not type-check the experiment first.` }),
    ...folders,
    sweepsDir: optional(option("--sweeps-dir", string({ metavar: "DIR" }), {
      description: message`Where folders of sweeps are made; "sweep-runs" in the project when left out.`,
    })),
  }),
  {
    brief: message`Try many settings of an experiment: grid, random, Sobol, TPE, successive halving.`,
    description:
      message`Runs an experiment for many settings, in processes of this machine or as jobs of Slurm. A sweep that was killed goes on where it was when the same command is given again; points that were run before come from the cache. The folder of the sweep holds its points, a copy of the code, a log for each point, trials.csv and report.md. Exit code 0: all points have a result; 1: points failed; 2: nothing was run; 130: stopped by Ctrl-C.`,
    footer: examples(
      ["deno task sweep sweeps/depth_weight.yaml --jobs 2", "two at a time"],
      [
        "deno task sweep experiments/stage1a.ts --preset tiny --sweep 'student.rate=log(1e-3,1e-1,5)' --sweep depth.weight=0,0.5",
        "a grid of ten",
      ],
      ["deno task sweep sweeps/depth_weight.yaml --dry-run", "what would be tried"],
      ["deno task sweep sweeps/depth_weight.yaml --launch slurm", "as a job array"],
    ),
  },
);

/** What `sweep` was told. */
export interface SweepArguments extends FolderArguments, SweepChoice {
  /** Which command. */
  readonly action: "sweep";
  /** A sweep file or an experiment. */
  readonly file: string;
  /** Words `key=value` for all points. */
  readonly overrides: readonly string[];
  /** The preset. */
  readonly preset?: string | undefined;
  /** A YAML file of parameters for all points. */
  readonly config?: string | undefined;
  /** Seeds of each point. */
  readonly seeds: number | undefined;
  /** The first of them. */
  readonly seed: number | undefined;
  /** Points at a time for what learns. */
  readonly wave: number | undefined;
  /** Seed of what chooses the points. */
  readonly searchSeed: number | undefined;
  /** What ends a point early. */
  readonly stopOn: "warning" | "critical" | undefined;
  /** Where points are run. */
  readonly launch: "local" | "slurm" | undefined;
  /** Variables that differ between the processes. */
  readonly jobEnv: readonly string[];
  /** Stop at the first failure. */
  readonly failFast: boolean;
  /** Try failed points again. */
  readonly retryFailed: boolean;
  /** Write the report only. */
  readonly report: boolean;
  /** Stop when standard input ends. */
  readonly leash: boolean;
  /** Show only. */
  readonly dryRun: boolean;
  /** Print one JSON object last. */
  readonly json: boolean;
  /** Do not type-check. */
  readonly noCheck: boolean;
  /** The folder of sweeps. */
  readonly sweepsDir: string | undefined;
}
