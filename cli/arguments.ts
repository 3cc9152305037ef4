/** The command line: what may be said, and the help that teaches it. */

import { group, object, or } from "@optique/core/constructs";
import { commandLine, lineBreak, message, text } from "@optique/core/message";
import type { Message } from "@optique/core/message";
import { multiple, optional, withDefault } from "@optique/core/modifiers";
import { argument, command, constant, option } from "@optique/core/primitives";
import { choice as oneOf, float, integer, string } from "@optique/core/valueparser";
import { run as runParser } from "@optique/run";
import type { PlanArguments } from "./project.ts";

/** Example lines under a help text. */
function examples(...lines: readonly [code: string, meaning: string][]): Message {
  return lines.flatMap(([code, meaning], index) => [
    ...(index > 0 ? [lineBreak()] : []),
    commandLine(code),
    text(`  ${meaning}`),
  ]);
}

const folders = {
  cacheDir: optional(option("--cache-dir", string({ metavar: "DIR" }), {
    description: message`Where results of stages are kept by key; "cache" in the project when left out.`,
  })),
  runsDir: optional(option("--runs-dir", string({ metavar: "DIR" }), {
    description: message`Where run folders are made; "runs" in the project when left out.`,
  })),
};

const choice = {
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

const run = command(
  "run",
  object({
    action: constant("run"),
    ...choice,
    ...folders,
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
      [
        "deno task run experiments/quickstart.ts --seeds 3 --json | tail -n 1 | jq .metrics",
        "three seeds, for a script",
      ],
    ),
  },
);

const explain = command("explain", object({ action: constant("explain"), ...choice, ...folders }), {
  brief: message`Say for each stage whether it would run again, and which change is the cause.`,
  description:
    message`Compares the plan with the last run of the same experiment: parameters, code, data, adapter, seed and inputs of each stage, one line per node.`,
  footer: examples(["deno task explain experiments/quickstart.ts steps=2000", "what would run again, and why"]),
});

const list = command(
  "list",
  object({
    action: constant("list"),
    ...folders,
    all: option("--all", { description: message`All runs, not just the last ten.` }),
  }),
  {
    brief: message`List the experiments with their presets, and the last runs with their status.`,
    footer: examples(["deno task list", "experiments and runs"]),
  },
);

const doctor = command("doctor", object({ action: constant("doctor") }), {
  brief: message`Look at the machine: adapter, limits, a self-check on the device, versions.`,
  footer: examples(["deno task doctor", "whether experiments can run here, and what to do if not"]),
});

const report = command(
  "report",
  object({
    action: constant("report"),
    files: multiple(argument(string({ metavar: "REPORT" }), {
      description: message`Markdown files; ROADMAP.md and all others with directives when left out.`,
    })),
    check: option("--check", {
      description: message`Write nothing; exit 1 when a file is not what the recorded evidence says.`,
    }),
    record: optional(or(
      option("--record", string({ metavar: "RUN" }), {
        description:
          message`Copy runs into reports/evidence first: "latest" (when left out), "all", or the id of a run.`,
      }),
    )),
  }),
  {
    brief: message`Regenerate the tables, values, gates and pictures of the Markdown reports.`,
    footer: examples(
      ["deno task report", "regenerate"],
      ["deno task report --record", "take the last runs into the evidence, then regenerate"],
      ["deno task report --check", "for CI"],
    ),
  },
);

const render = command(
  "render",
  object({
    action: constant("render"),
    run: argument(string({ metavar: "RUN" }), {
      description:
        message`A run's folder, its id or the beginning of it, or the name of an experiment for its newest run. deno task list shows them.`,
    }),
    node: optional(option("--node", string({ metavar: "NAME" }), {
      description: message`Which model of the run; the last one that it trained when left out.`,
    })),
    seed: optional(option("--seed", integer({ min: 0, max: 2 ** 31, metavar: "K" }), {
      description: message`Which of the run's seeds; its first one when left out.`,
    })),
    camera: optional(option("--camera", string({ metavar: "CAMERA" }), {
      description:
        message`One camera: a view of the scene (test:12, train:0, val:3), around the model (orbit:AZIMUTH,ELEVATION or orbit:AZIMUTH,ELEVATION,DISTANCE; degrees and world units), or a frame of a file like transforms.json (mine.json, mine.json:3). test:0 when left out, orbit:0,20 where the run has no scene.`,
    })),
    turntable: optional(option("--turntable", integer({ min: 2, max: 999, metavar: "N" }), {
      description: message`N pictures once around the model, frame_000.png and so on, instead of one.`,
    })),
    elevation: optional(option("--elevation", float({ min: -89, max: 89, metavar: "DEGREES" }), {
      description: message`How high the cameras of the turntable stand; 20 when left out.`,
    })),
    distance: optional(option("--distance", float({ metavar: "UNITS" }), {
      description: message`How far they stand from the middle; so that nearly all of the model is seen when left out.`,
    })),
    fov: optional(option("--fov", float({ min: 5, max: 120, metavar: "DEGREES" }), {
      description: message`Field of view of cameras around the model, along the shorter side; 40 when left out.`,
    })),
    up: optional(option("--up", oneOf(["x", "-x", "y", "-y", "z", "-z"], { metavar: "AXIS" }), {
      description:
        message`Which way is up for cameras around the model: x, -x, y, -y, z or -z. When left out z, and -y for splats from a file.`,
    })),
    size: optional(option("--size", string({ metavar: "W[xH]" }), {
      description: message`Pixels; as the scene's pictures when left out. With W alone their shape is kept.`,
    })),
    background: optional(option("--background", string({ metavar: "COLOUR" }), {
      description:
        message`What is behind the model: white, black, three numbers from 0 to 1 (0.2,0.2,0.25), or transparent. As in the scene's evaluations when left out.`,
    })),
    depth: option("--depth", {
      description:
        message`Write the depth of each picture too: NAME_depth.npy with distances along the rays, and NAME_depth.png, where near is light.`,
    }),
    subrays: optional(option("--subrays", integer({ min: 1, max: 64, metavar: "N" }), {
      description: message`Rays per pixel of a field, a square number; as it was trained when left out.`,
    })),
    out: optional(option("--out", string({ metavar: "FOLDER" }), {
      description: message`Where the pictures go; renders/NODE in the run's folder when left out.`,
    })),
    json: option("--json", {
      description:
        message`Print one JSON object as the last line of standard output; everything else goes to standard error.`,
    }),
    ...folders,
  }),
  {
    brief: message`Render views of a trained model of a run.`,
    description:
      message`Draws a trained model from any side as PNG: one view, or a turntable, with depth where it is wanted. Views of the scene are drawn as evaluate draws them. Exit code 0: the pictures are written; 2: nothing was drawn, because the run, its model, the camera or a file is missing or wrong; 1: anything else, such as no WebGPU device.`,
    footer: examples(
      ["deno task render quickstart", "the first test view of the newest run of quickstart"],
      ["deno task render quickstart --camera test:3 --depth", "another one, with its depth"],
      ["deno task render quickstart --camera orbit:30,20 --size 400", "from 30 degrees around and 20 above"],
      ["deno task render fit_splats --turntable 36 --background black", "36 pictures once around"],
      ["deno task render 20261121T1245 --node student --background transparent --out out", "a run by its id"],
    ),
  },
);

const commands = group("Commands", or(run, explain, list, doctor, render, report));

/** Where results and runs are kept; undefined for the project's own folders. */
export interface FolderArguments {
  /** The cache folder. */
  readonly cacheDir: string | undefined;
  /** The folder of runs. */
  readonly runsDir: string | undefined;
}

/** What `run` was told. */
export interface RunArguments extends PlanArguments, FolderArguments {
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
  /** Least seconds between two checkpoints. */
  readonly checkpointSeconds: number;
}

/** What `explain` was told. */
export interface ExplainArguments extends PlanArguments, FolderArguments {
  /** Which command. */
  readonly action: "explain";
}

/** What `list` was told. */
export interface ListArguments extends FolderArguments {
  /** Which command. */
  readonly action: "list";
  /** All runs, not just the last ones. */
  readonly all: boolean;
}

/** What `report` was told. */
export interface ReportArguments {
  /** Which command. */
  readonly action: "report";
  /** The Markdown files; empty for all. */
  readonly files: readonly string[];
  /** Write nothing. */
  readonly check: boolean;
  /** Which runs to take into the evidence first. */
  readonly record: string | undefined;
}

/** What `render` was told. */
export interface RenderArguments extends FolderArguments {
  /** Which command. */
  readonly action: "render";
  /** The run: a folder, an id or its beginning, or an experiment's name. */
  readonly run: string;
  /** The model's node. */
  readonly node: string | undefined;
  /** One of the run's seeds. */
  readonly seed: number | undefined;
  /** The camera, as it was written. */
  readonly camera: string | undefined;
  /** Pictures once around. */
  readonly turntable: number | undefined;
  /** Degrees that the turntable's cameras stand above the middle. */
  readonly elevation: number | undefined;
  /** Their distance from it, world units. */
  readonly distance: number | undefined;
  /** Field of view of cameras around the model, degrees. */
  readonly fov: number | undefined;
  /** Which way is up for them. */
  readonly up: "x" | "-x" | "y" | "-y" | "z" | "-z" | undefined;
  /** Pixels, as they were written. */
  readonly size: string | undefined;
  /** The colour behind the model, as it was written. */
  readonly background: string | undefined;
  /** Write depth too. */
  readonly depth: boolean;
  /** Rays per pixel of a field. */
  readonly subrays: number | undefined;
  /** Where the pictures go. */
  readonly out: string | undefined;
  /** Print one JSON object last. */
  readonly json: boolean;
}

/** What was said. */
export type Arguments = RunArguments | ExplainArguments | ListArguments | ReportArguments | RenderArguments | {
  /** Which command. */
  readonly action: "doctor";
};

/** Reads the command line. Help and errors are printed here, and end the process with 0 and 2. */
export function readArguments(words: readonly string[]): Arguments {
  return runParser(commands, {
    programName: "deno task",
    args: fillRecord(words),
    help: "option",
    showDefault: { prefix: " (default ", suffix: ")" },
    errorExitCode: 2,
    brief: message`A scriptable experiment runner for neural-scene research on WebGPU.`,
    footer: message`Each command has its own help: deno task run --help`,
  });
}

/** `report --record` alone means the newest runs; the parser knows no option whose value may be left out. */
function fillRecord(words: readonly string[]): string[] {
  const at = words.indexOf("--record");
  const next = words[at + 1];
  if (words[0] !== "report" || at < 0 || (next !== undefined && !next.startsWith("-") && !next.endsWith(".md"))) {
    return [...words];
  }
  return [...words.slice(0, at + 1), "latest", ...words.slice(at + 1)];
}
