/** Parts of commands that several share. */

import { commandLine, lineBreak, message, text } from "@optique/core/message";
import { multiple, optional, withDefault } from "@optique/core/modifiers";
import { argument, option } from "@optique/core/primitives";
import { choice as oneOf, integer, string } from "@optique/core/valueparser";
import type { Message } from "@optique/core/message";

/** Example lines under a help text. */
export function examples(...lines: readonly [code: string, meaning: string][]): Message {
  return lines.flatMap(([code, meaning], index) => [
    ...(index > 0 ? [lineBreak()] : []),
    commandLine(code),
    text(`  ${meaning}`),
  ]);
}

/** Options for where results and runs are kept. */
export const folders = {
  cacheDir: optional(option("--cache-dir", string({ metavar: "DIR" }), {
    description: message`Where results of stages are kept by key; "cache" in the project when left out.`,
  })),
  runsDir: optional(option("--runs-dir", string({ metavar: "DIR" }), {
    description: message`Where run folders are made; "runs" in the project when left out.`,
  })),
};

/** What experiment, with which parameters and seeds. */
export const choice = {
  file: argument(string({ metavar: "FILE" }), {
    description: message`The experiment, such as experiments/quickstart.ts.`,
  }),
  overrides: multiple(argument(string({ metavar: "KEY=VALUE" }), {
    description:
      message`Parameters, in any order: size=48, train.steps=500, exports=[colour,depth]. --dry-run lists them.`,
  })),
  preset: optional(option("--preset", string({ metavar: "NAME" }), {
    description: message`A named set of parameters of the experiment, with gates of its own.`,
  })),
  config: optional(option("--config", string({ metavar: "YAML" }), {
    description: message`A YAML file of parameters. It wins over the preset; KEY=VALUE wins over it.`,
  })),
  seeds: withDefault(
    option("--seeds", integer({ min: 1, max: 1000, metavar: "N" }), {
      description: message`Run every seeded stage N times; metrics become mean and spread.`,
    }),
    1,
    { message: message`1` },
  ),
  seed: withDefault(
    option("--seed", integer({ min: 0, max: 2 ** 31, metavar: "K" }), { description: message`The first seed.` }),
    0,
    { message: message`0` },
  ),
};

/** What varies in a sweep, and how; `run` takes it, too. */
export const sweepOptions = {
  sweep: multiple(option("--sweep", string({ metavar: "KEY=VALUES" }), {
    description:
      message`A parameter that varies: key=a,b,c, key=range(low,high,n), key=log(low,high,n) or key=int(low,high,n). Give it once for each parameter.`,
  })),
  search: optional(option("--search", oneOf(["grid", "random", "sobol", "tpe"], { metavar: "HOW" }), {
    description:
      message`How points are chosen: grid (all combinations; the default), random, sobol (evenly spread), tpe (learns from what was tried).`,
  })),
  trials: optional(option("--trials", integer({ min: 1, max: 100_000, metavar: "N" }), {
    description: message`How many settings are tried; a grid has its own number.`,
  })),
  objective: optional(option("--objective", string({ metavar: "GOAL" }), {
    description: message`What is wanted: "maximize evaluate.psnr". The preset's first gate when left out.`,
  })),
  jobs: optional(option("--jobs", integer({ min: 1, max: 256, metavar: "N" }), {
    description: message`Processes at a time on this machine; 1 when left out.`,
  })),
};

/** What varies in a sweep, and how. */
export interface SweepChoice {
  /** What varies: `key=a,b,c`. */
  readonly sweep: readonly string[];
  /** How points are chosen. */
  readonly search: "grid" | "random" | "sobol" | "tpe" | undefined;
  /** How many settings. */
  readonly trials: number | undefined;
  /** What is wanted. */
  readonly objective: string | undefined;
  /** Processes at a time. */
  readonly jobs: number | undefined;
}

/** Where results and runs are kept; undefined for the project's own folders. */
export interface FolderArguments {
  /** The cache folder. */
  readonly cacheDir: string | undefined;
  /** The folder of runs. */
  readonly runsDir: string | undefined;
}
