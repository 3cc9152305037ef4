/**
 * The commands, without what they are made of: their parsers and their work are loaded when they are called. Deno reads every
 * module that an import with its path written out can lead to before the first line runs (0.1 s for all of Stillroom), so the
 * paths here are handed to {@link load}. This file imports nothing.
 */

import type { InferValue, Parser } from "@optique/core/parser";

/** Any command's parser. */
export type CommandParser = Parser<"sync", unknown, unknown>;

/** Reads the words of the command line; help and errors end the process. */
export type Reader = <P extends CommandParser>(parser: P) => InferValue<P>;

/** A command. */
export interface Command {
  /** What it is for, in one line, as its parser says. */
  readonly brief: string;
  /** Loads its parser. */
  parser(): Promise<CommandParser>;
  /** Reads its words, runs it, and returns the exit code. */
  run(read: Reader): Promise<number>;
}

/** Loads a module of this folder. Its type is named by the caller, since Deno must not see the path where it is loaded. */
export async function load<Module>(path: `./${string}.ts`): Promise<Module> {
  return await import(path) as Module;
}

/** A command whose words reach its work as its parser types them. */
function define<P extends CommandParser>(
  brief: string,
  parser: () => Promise<P>,
  work: (args: InferValue<P>) => Promise<number>,
): Command {
  return { brief, parser, run: async (read) => await work(read(await parser())) };
}

/** All commands by name, in the order of the help. */
export const COMMANDS: Readonly<Record<string, Command>> = {
  run: define(
    "Run an experiment.",
    async () => (await load<typeof import("./run_arguments.ts")>("./run_arguments.ts")).run,
    async (args) => await (await load<typeof import("./run_command.ts")>("./run_command.ts")).runCommand(args),
  ),
  sweep: define(
    "Try many settings of an experiment: grid, random, Sobol, TPE, successive halving.",
    async () => (await load<typeof import("./sweep_arguments.ts")>("./sweep_arguments.ts")).sweep,
    async (args) => await (await load<typeof import("./sweep_command.ts")>("./sweep_command.ts")).sweepCommand(args),
  ),
  trial: define(
    "Run one point of a sweep.",
    async () => (await load<typeof import("./trial_arguments.ts")>("./trial_arguments.ts")).trial,
    async (args) => await (await load<typeof import("./trial_command.ts")>("./trial_command.ts")).trialCommand(args),
  ),
  schedule: define(
    "Start sweeps at the times that their files name (cron:).",
    async () => (await load<typeof import("./schedule_arguments.ts")>("./schedule_arguments.ts")).schedule,
    async (args) =>
      await (await load<typeof import("./schedule_command.ts")>("./schedule_command.ts")).scheduleCommand(args),
  ),
  explain: define(
    "Say for each stage whether it would run again, and which change is the cause.",
    async () => (await load<typeof import("./run_arguments.ts")>("./run_arguments.ts")).explain,
    async (args) =>
      await (await load<typeof import("./explain_command.ts")>("./explain_command.ts")).explainCommand(args),
  ),
  list: define(
    "List the experiments with their presets, and the last runs with their status.",
    async () => (await load<typeof import("./list_arguments.ts")>("./list_arguments.ts")).list,
    async (args) => await (await load<typeof import("./list_command.ts")>("./list_command.ts")).listCommand(args),
  ),
  doctor: define(
    "Look at the machine: adapter, limits, a self-check on the device, versions.",
    async () => (await load<typeof import("./doctor_arguments.ts")>("./doctor_arguments.ts")).doctor,
    async () => await (await load<typeof import("./doctor_command.ts")>("./doctor_command.ts")).doctorCommand(),
  ),
  render: define(
    "Render views of a trained model of a run.",
    async () => (await load<typeof import("./render_arguments.ts")>("./render_arguments.ts")).render,
    async (args) => await (await load<typeof import("./render_command.ts")>("./render_command.ts")).renderCommand(args),
  ),
  report: define(
    "Regenerate the tables, values, gates and pictures of the Markdown reports.",
    async () => (await load<typeof import("./report_arguments.ts")>("./report_arguments.ts")).report,
    async (args) => await (await load<typeof import("./report_command.ts")>("./report_command.ts")).reportCommand(args),
  ),
  query: define(
    "Ask all runs something in SQL; the answer comes as a table, CSV or JSON.",
    async () => (await load<typeof import("./query_arguments.ts")>("./query_arguments.ts")).query,
    async (args) => {
      const { root } = await load<typeof import("./project.ts")>("./project.ts");
      return await (await load<typeof import("./query_command.ts")>("./query_command.ts")).queryCommand(args, {
        root,
        out: (text) => console.log(text),
        error: (line) => console.error(line),
        input: () => new Response(Deno.stdin.readable).text(),
      });
    },
  ),
  show: define(
    "Show all that is known of a run: how it ended, parameters, metrics, gates, findings, files.",
    async () => (await load<typeof import("./show_arguments.ts")>("./show_arguments.ts")).show,
    async (args) => await (await load<typeof import("./show_command.ts")>("./show_command.ts")).showCommand(args),
  ),
  diff: define(
    "Compare two runs: parameters, code, metrics, gates, views, findings, pictures.",
    async () => (await load<typeof import("./diff_arguments.ts")>("./diff_arguments.ts")).diff,
    async (args) => await (await load<typeof import("./diff_command.ts")>("./diff_command.ts")).diffCommand(args),
  ),
  export: define(
    "Make one self-contained HTML page of a report or of runs.",
    async () => (await load<typeof import("./export_arguments.ts")>("./export_arguments.ts")).exportPage,
    async (args) => await (await load<typeof import("./export_command.ts")>("./export_command.ts")).exportCommand(args),
  ),
};
