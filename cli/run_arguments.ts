/** What `run` and `explain` may be told. */

import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { optional, withDefault } from "@optique/core/modifiers";
import { command, constant, option } from "@optique/core/primitives";
import { choice as oneOf, integer } from "@optique/core/valueparser";
import type { PlanArguments } from "./project.ts";
import { choice, examples, type FolderArguments, folders, type SweepChoice, sweepOptions } from "./options.ts";

/** The command `run`. */
export const run = command(
  "run",
  object({
    action: constant("run"),
    ...choice,
    ...folders,
    ...sweepOptions,
    json: option("--json", {
      description:
        message`Print one JSON object as the last line of standard output; everything else goes to standard error.`,
    }),
    noCache: option("--no-cache", {
      description: message`Compute every stage anew, and say when a result differs from the one in the cache.`,
    }),
    dryRun: option("--dry-run", {
      description:
        message`Show the parameters with their presets, the plan, what is cached and the memory plan. Nothing is run.`,
    }),
    noCheck: option("--no-check", { description: message`Do not type-check the experiment first.` }),
    stopOn: optional(option("--stop-on", oneOf(["warning", "critical"], { metavar: "SEVERITY" }), {
      description:
        message`Stop when a diagnosis rule finds something this bad: warning or critical. Rules look at a training every few seconds. What was done is kept, and the exit code is 1.`,
    })),
    checkpointSeconds: withDefault(
      option("--checkpoint-seconds", integer({ min: 0, metavar: "S" }), {
        description: message`Least seconds between two checkpoints of a training stage. Never changes results.`,
      }),
      30,
      { message: message`30` },
    ),
  }),
  {
    brief: message`Run an experiment.`,
    description:
      message`Runs the stages of an experiment that are not in the cache, and makes a run folder with the plan, provenance, metrics, gates and pictures. A run that was killed goes on where it was when it is started again. Exit code 0: all is well; 1: a gate or a stage failed; 2: nothing was run, because the command, the experiment or data that it names is missing or wrong; 130: stopped by Ctrl-C.`,
    footer: examples(
      ["deno task run experiments/quickstart.ts", "as it is"],
      ["deno task run experiments/quickstart.ts --dry-run", "its parameters and plan"],
      ["deno task run experiments/photographs.ts scene=../lego train.steps=2000 --preset cpu", "with other parameters"],
      ["deno task run experiments/fit_splats.ts --preset tiny", "a small teacher"],
      ["deno task run experiments/stage1b.ts --preset cpu --stop-on critical", "leave a sick training early"],
      [
        "deno task run experiments/quickstart.ts --seeds 3 --json | tail -n 1 | jq .metrics",
        "three seeds, for a script",
      ],
      ["deno task run experiments/stage1a.ts --preset probe --sweep depth.weight=0,0.1,0.5 --jobs 2", "a small sweep"],
    ),
  },
);

/** The command `explain`. */
export const explain = command("explain", object({ action: constant("explain"), ...choice, ...folders }), {
  brief: message`Say for each stage whether it would run again, and which change is the cause.`,
  description:
    message`Compares the plan with the last run of the same experiment: parameters, code, data, adapter, seed and inputs of each stage, one line per node.`,
  footer: examples(["deno task explain experiments/quickstart.ts steps=2000", "what would run again, and why"]),
});

/** What `run` was told. */
export interface RunArguments extends PlanArguments, FolderArguments, SweepChoice {
  /** Which command. */
  readonly action: "run";
  /** Print one JSON object last. */
  readonly json: boolean;
  /** Compute everything anew. */
  readonly noCache: boolean;
  /** Show the plan only. */
  readonly dryRun: boolean;
  /** Do not type-check. */
  readonly noCheck: boolean;
  /** A finding at least this bad stops the run; none does when left out. */
  readonly stopOn: "warning" | "critical" | undefined;
  /** Least seconds between two checkpoints. */
  readonly checkpointSeconds: number;
}

/** What `explain` was told. */
export interface ExplainArguments extends PlanArguments, FolderArguments {
  /** Which command. */
  readonly action: "explain";
}
