/**
 * How long commands take to start, and how much of a training's time its logging takes.
 *
 *     deno task bench:start [--json] [--rounds N] [--steps N] [--trainings N] [--help]
 *
 * @module
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { root } from "../cli/project.ts";
import { messageOf, UsageError } from "../runner/errors.ts";
import { type Measurand, measureCommands, type Walls } from "./start_commands.ts";
import { CHECKPOINT_SECONDS, type Logging, measureLogging } from "./start_logging.ts";
import { measureRunStart, type RunStart } from "./start_run.ts";

const HELP = `Measures how long commands take to start, and how much of a training's time its logging takes.

  deno task bench:start
  deno task bench:start --rounds 31 --json | tail -n 1 | jq .help_ms

Options
  --rounds N     how often each command is started, in turn with the others (default: 15, the least)
  --steps N      steps of the training: the quickstart's student, preset tiny (default: 192)
  --trainings N  how many trainings; the median of their shares counts (default: 3)
  --json         one JSON object as the last line
  --help         this text

"deno" is an empty program, started in the same loop: what no command can be quicker than. "times" is the ratio of the medians to
it, which a busy machine changes least. "logging" is the time in which a training's two threads write rows and events, send, hear
and show progress, and renew the heartbeat of their claim, over the time of its whole stage; writing checkpoints (here one every
${CHECKPOINT_SECONDS} s, in a run every 30 s) is shown beside it.`;

/** Starts that are measured. */
const STARTS = ["deno", "help", "run_help", "list_help", "task_list_help"] as const;

type Start = typeof STARTS[number];

const READ = ["run", "--quiet", "--allow-read"];

if (import.meta.main) {
  try {
    Deno.exitCode = await main(Deno.args);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(error.message);
    Deno.exitCode = 2;
  }
  Deno.exit();
}

interface Options {
  readonly json: boolean;
  readonly rounds: number;
  readonly steps: number;
  readonly trainings: number;
}

/** Reads the command line; undefined after printing the help. */
function readOptions(args: readonly string[]): Options | undefined {
  const text = { type: "string" } as const;
  const flag = { type: "boolean", default: false } as const;
  let values;
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: { json: flag, help: flag, rounds: text, steps: text, trainings: text },
    }));
  } catch (error) {
    throw new UsageError(`${messageOf(error)}; --help lists the options`);
  }
  if (values.help) {
    console.log(HELP);
    return undefined;
  }
  const count = (name: "rounds" | "steps" | "trainings", otherwise: number, least: number) => {
    const value = Number(values[name] ?? otherwise);
    if (!Number.isInteger(value) || value < least) {
      throw new UsageError(`Expected --${name} to be a whole number from ${least}, found ${values[name]}`);
    }
    return value;
  };
  return {
    json: values.json,
    rounds: count("rounds", 15, 15),
    steps: count("steps", 192, 16),
    trainings: count("trainings", 3, 1),
  };
}

async function main(args: readonly string[]): Promise<number> {
  const options = readOptions(args);
  if (options === undefined) return 0;
  const folder = await Deno.makeTempDir({ prefix: "stillroom_bench_" });
  try {
    const walls = await measureStarts(folder, options.rounds);
    console.log(startTable(walls));
    const { cold, warm } = await measureRunStart(folder, 5, root);
    console.log(runTable(cold, warm));
    const trainings: Logging[] = [];
    for (let i = 0; i < options.trainings; i++) {
      trainings.push(await measureLogging(join(folder, `training_${i}`), options.steps));
    }
    trainings.sort((a, b) => a.share - b.share);
    const training = trainings[trainings.length >> 1]!;
    console.log(loggingTable(training, trainings));
    if (options.json) console.log(JSON.stringify(answerOf(walls, cold, warm, training, trainings)));
    return 0;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Starts each command in turn. */
async function measureStarts(folder: string, rounds: number): Promise<Record<Start, Walls>> {
  const empty = join(folder, "empty.ts");
  await Deno.writeTextFile(empty, "");
  const args: Readonly<Record<Start, readonly string[]>> = {
    deno: ["run", empty],
    help: [...READ, "cli/main.ts", "--help"],
    run_help: [...READ, "cli/main.ts", "run", "--help"],
    list_help: [...READ, "cli/main.ts", "list", "--help"],
    task_list_help: ["task", "--quiet", "list", "--help"],
  };
  const commands = STARTS.map((name): Measurand & { name: Start } => ({ name, args: args[name] }));
  return await measureCommands(commands, rounds, root);
}

function answerOf(
  walls: Readonly<Record<Start, Walls>>,
  cold: RunStart,
  warm: RunStart,
  training: Logging,
  trainings: readonly Logging[],
) {
  return {
    help_ms: walls.help.median,
    deno_ms: walls.deno.median,
    logging_share: training.share,
    starts: walls,
    task_ms: walls.task_list_help.median - walls.list_help.median,
    run_start: { cold, warm },
    logging: training,
    logging_shares: trainings.map(({ share }) => share),
  };
}

function startTable(walls: Readonly<Record<Start, Walls>>): string {
  const names: Readonly<Record<Start, string>> = {
    deno: "deno run empty.ts",
    help: "cli/main.ts --help",
    run_help: "cli/main.ts run --help",
    list_help: "cli/main.ts list --help",
    task_list_help: "deno task list --help",
  };
  const rows = STARTS.map((name) => [
    names[name],
    walls[name].least.toFixed(0),
    walls[name].median.toFixed(0),
    (walls[name].median / walls.deno.median).toFixed(1),
  ]);
  const task = walls.task_list_help.median - walls.list_help.median;
  return `${table([["start", "least ms", "median ms", "times"], ...rows])}\n  deno task itself adds ${
    task.toFixed(0)
  } ms`;
}

function runTable(cold: RunStart, warm: RunStart): string {
  const names = new Set([...Object.keys(cold.parts), ...Object.keys(warm.parts)]);
  const ms = (value: number | undefined) => value?.toFixed(0) ?? "";
  const rows = [...names].map((name) => [name, ms(cold.parts[name]), ms(warm.parts[name])]);
  return "\n" + table([
    ["run until its first stage works", "new code", "again"],
    ...rows,
    ["in all, as some overlap", ms(cold.ms), ms(warm.ms)],
  ]);
}

function loggingTable(training: Logging, all: readonly Logging[]): string {
  const percent = (part: number) => `${(100 * part).toFixed(3)} %`;
  const row = (name: string, { ms, calls }: { readonly ms: number; readonly calls: number }) => [
    name,
    String(calls),
    ms.toFixed(1),
    percent(ms / training.ms),
  ];
  const title = `training, ${training.steps} steps, ${(training.ms / 1000).toFixed(1)} s`;
  const shares = all.map(({ share }) => percent(share)).join(", ");
  return "\n" + table([
    [title, "calls", "ms", "share"],
    ...Object.entries(training.logging).map(([name, spent]) => row(name, spent)),
    ["logging", "", "", percent(training.share)],
    row("beside it: checkpoints", training.checkpoints),
  ]) + `\n  logging of all ${all.length}: ${shares}`;
}

/** Rows of text as columns; the first is flush left, the others flush right. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  return rows.map((row) =>
    row.map((cell, i) => i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]! + 2)).join("")
  )
    .join("\n");
}
