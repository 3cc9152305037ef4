/** From the words of `sweep` to a definition: the sweep file, the options laid over it, and the experiment that both are about. */

import { relative, resolve } from "node:path";
import type { Environment } from "../runner/environment.ts";
import { isUserFacing, messageOf, UsageError } from "../runner/errors.ts";
import { hashCode } from "../runner/code_hash.ts";
import { hashData } from "../runner/data_hash.ts";
import { buildPlan, type Plan } from "../runner/experiment.ts";
import { canonicalJson, isPlainObject, sha256 } from "../runner/json.ts";
import { didYouMean } from "../runner/names.ts";
import { merge, resolveParameters } from "../runner/params.ts";
import type { Folders } from "../runner/paths.ts";
import { parseYaml, yamlReader } from "../runner/scalar.ts";
import { childSchema } from "../runner/schema.ts";
import type { AnySchema } from "../runner/schema_types.ts";
import { gridSize } from "../runner/sweep/grid.ts";
import { budgets } from "../runner/sweep/halving.ts";
import type { Axis } from "../runner/sweep/space.ts";
import { valueText } from "../runner/sweep/sweep_folder.ts";
import {
  type Objective,
  parseObjective,
  parseSpace,
  parseSweep,
  type SweepDefinition,
  sweepName,
  type SweepSettings,
} from "../runner/sweep/sweep_spec.ts";
import { prepare, type Prepared, readOverlay } from "./project.ts";
import type { SweepArguments } from "./sweep_arguments.ts";

/** A sweep that is ready to be driven. */
export interface PlannedSweep {
  /** What it is. */
  readonly definition: SweepDefinition;
  /** SHA-256 of its experiment's code and data. */
  readonly code: string;
  /** The experiment's file, absolute. */
  readonly file: string;
  /** The settings, with those that do not define it: jobs, launcher, schedule. */
  readonly settings: SweepSettings;
  /** How many points it has; undefined when that depends on what comes out. */
  readonly size: number | undefined;
}

/**
 * Plans a sweep.
 *
 * @throws {UsageError} when something in the file, the options or the experiment is wrong
 */
export async function planSweep(
  args: SweepArguments,
  folders: Folders,
  environment: Environment,
): Promise<PlannedSweep> {
  const settings = await settingsOf(args);
  const file = await experimentFile(args, settings, folders);
  const set = merge(settings.set ?? {}, await overlayOf(args.config)) as Record<string, unknown>;
  const overlayName = args.config === undefined ? "the sweep's set" : "the sweep's set and --config";
  const prepared = await prepare(
    {
      file,
      overrides: args.overrides,
      preset: settings.preset,
      overlay: set,
      overlayName,
      seeds: 1,
      seed: settings.seed,
    },
    folders,
    environment,
    { check: !args.noCheck, mayLackDevice: true },
  );
  const space = parseSpace(settings.parameters, await scalarReader(prepared.experiment.params));
  const paths = await checkAxes(space, prepared, args.overrides, settings, set);
  const objective = objectiveOf(settings, prepared);
  const halving = halvingOf(settings, prepared, space, objective);
  if ((settings.search === "tpe" || halving) && !objective) {
    throw new UsageError(
      'Nothing says what is wanted: add objective: "maximize evaluate.psnr", or gates to the preset',
    );
  }
  if (settings.search === "tpe" && halving) {
    throw new UsageError("halving cannot be combined with search: tpe yet: use random, sobol or grid");
  }
  if (settings.search === "grid" && settings.trials !== undefined) {
    throw new UsageError("A grid has its own number of points: leave trials out, or choose another search");
  }
  const trials = settings.search === "grid" ? gridSize(space) : settings.trials;
  if (trials === undefined) {
    throw new UsageError(
      `search: ${settings.search} needs a number of trials: --trials 40, or trials: 40 in the sweep file`,
    );
  }
  const definition: SweepDefinition = {
    name: sweepName(settings, args.file),
    experiment: relative(folders.root, file).replaceAll("\\", "/"),
    ...(settings.preset === undefined ? {} : { preset: settings.preset }),
    set,
    words: args.overrides,
    seeds: settings.seeds,
    seed: settings.seed,
    space,
    search: settings.search,
    ...(settings.search === "grid" && !halving ? {} : { trials }),
    wave: settings.wave ?? 4,
    search_seed: settings.search_seed,
    startup: settings.startup,
    ...(objective ? { objective } : {}),
    ...(halving ? { halving } : {}),
    ...(settings.stop_on === undefined ? {} : { stop_on: settings.stop_on }),
  };
  const { semantic } = await hashCode(prepared.graph, prepared.url, folders.cache);
  // The data that values of an axis name belongs to the sweep as much as that of the plan itself.
  const data: Record<string, string> = {};
  for (const path of paths) data[path] = await hashData(path, folders.cache, `the sweep ${args.file}`);
  return {
    definition,
    code: sha256(canonicalJson({ code: semantic, data })),
    file,
    settings,
    size: halving ? undefined : trials,
  };
}

/** The sweep file, or what stands for one, with the options laid over it. */
async function settingsOf(args: SweepArguments): Promise<SweepSettings> {
  const data = args.file.endsWith(".ts")
    ? { experiment: args.file, parameters: {} }
    : await readSweepFile(resolve(args.file));
  if (!isPlainObject(data)) return parseSweep(data, args.file);
  const parameters = { ...(isPlainObject(data.parameters) ? data.parameters : {}), ...axesOf(args.sweep) };
  if (Object.keys(parameters).length === 0) {
    parseSweep({ ...data, parameters: { any: 0 } }, args.file); // a misspelt key explains better
    throw new UsageError(
      `Nothing varies: ${
        args.file.endsWith(".ts") ? "add --sweep key=a,b,c" : `add parameters to ${args.file}, or --sweep key=a,b,c`
      }`,
    );
  }
  const options: Record<string, unknown> = {
    preset: args.preset,
    search: args.search,
    trials: args.trials,
    objective: args.objective,
    jobs: args.jobs,
    seeds: args.seeds,
    seed: args.seed,
    wave: args.wave,
    search_seed: args.searchSeed,
    stop_on: args.stopOn,
    launch: args.launch,
  };
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  return parseSweep({ ...data, ...given, parameters }, args.file);
}

/** Reads a sweep file's YAML. @throws {UsageError} naming the file */
async function readSweepFile(path: string): Promise<unknown> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    throw new UsageError(`Cannot read the sweep file ${path}: ${messageOf(error)}`);
  }
  try {
    return await parseYaml(text);
  } catch (error) {
    throw new UsageError(`The sweep file ${path} is not YAML: ${messageOf(error)}`);
  }
}

function axesOf(words: readonly string[]): Record<string, string> {
  const axes: Record<string, string> = {};
  for (const word of words) {
    const at = word.indexOf("=");
    if (at <= 0) throw new UsageError(`Expected --sweep key=a,b,c, found ${JSON.stringify(word)}`);
    const key = word.slice(0, at).trim();
    if (Object.hasOwn(axes, key)) throw new UsageError(`--sweep ${key} was given twice: keep one`);
    axes[key] = word.slice(at + 1).trim();
  }
  return axes;
}

async function overlayOf(path: string | undefined): Promise<Record<string, unknown>> {
  const overlay = await readOverlay(path) ?? {};
  if (!isPlainObject(overlay)) throw new UsageError(`Expected ${path} to be a mapping of parameters`);
  return overlay;
}

/** An experiment is named as on the command line, in a sweep file from the project's folder. */
async function experimentFile(args: SweepArguments, settings: SweepSettings, folders: Folders): Promise<string> {
  const file = args.file.endsWith(".ts") ? resolve(args.file) : resolve(folders.root, settings.experiment);
  const isThere = await Deno.stat(file).then(({ isFile }) => isFile, () => false);
  if (!isThere) {
    throw new UsageError(`Expected an experiment at ${file}, found none: deno task list shows what there is`);
  }
  if (relative(folders.root, file).startsWith("..")) {
    throw new UsageError(
      `The experiment ${file} is not in the project ${folders.root}: run the sweep from the project's folder`,
    );
  }
  return file;
}

/** The first reading of a text that stands in a list: a number, a list, quoted or plain text. */
async function scalarReader(schema: AnySchema): Promise<(text: string, key: string) => unknown> {
  const read = await yamlReader();
  const plain = (text: string) =>
    /^["'[{]|^[-+.\d]|^(true|false|null|~)$/.test(text)
      ? read(text.replace(/^([-+]?[\d_.]+)$/, (found) => found.replaceAll("_", "")))
      : text;
  // As `key=text` of `run` is read: what looks like a number stays a text where the parameter is one, "007" as well.
  return (text, key) => {
    const value = plain(text);
    const leaf = key.split(".").reduce<AnySchema | undefined>((at, part) => at && childSchema(at, part), schema);
    const isText = typeof value !== "string" && leaf && !leaf.safeParse(value).success && leaf.safeParse(text).success;
    return isText ? text : value;
  };
}

/**
 * Every value of every axis must be one that the experiment takes: said before anything is run.
 *
 * @returns the data files and folders that the plans name
 */
async function checkAxes(
  space: readonly Axis[],
  { experiment, plan }: Prepared,
  words: readonly string[],
  settings: SweepSettings,
  overlay: Readonly<Record<string, unknown>>,
): Promise<string[]> {
  const paths = new Set<string>();
  const collect = ({ nodes }: Plan) =>
    nodes.forEach(({ stage, params }) => stage.dataFiles(params).forEach((path) => paths.add(path)));
  collect(plan);
  for (const axis of space) {
    const word = words.find((item) => item.startsWith(`${axis.key}=`));
    if (word !== undefined) throw new UsageError(`${axis.key} varies, and ${word} was given, too: leave one out`);
    const values = axis.kind === "choice" ? axis.values : [axis.low, axis.high];
    for (const value of values) {
      const params = await resolveParameters(experiment.params, {
        presets: experiment.presets,
        preset: settings.preset,
        overlay,
        overrides: [...words, `${axis.key}=${await valueText(value)}`],
      });
      try {
        collect(buildPlan(experiment, params, settings.preset));
      } catch (error) {
        if (!isUserFacing(error)) throw error; // together with other values it may be a plan
      }
    }
  }
  return [...paths].sort();
}

function objectiveOf(settings: SweepSettings, { plan }: Prepared): Objective | undefined {
  if (settings.objective === undefined) {
    const [gate] = plan.gates;
    return gate && { metric: `${gate.node}.${gate.column}`, goal: gate.operator === ">=" ? "maximize" : "minimize" };
  }
  const objective = parseObjective(settings.objective);
  checkNode(objective.metric, plan.nodes.map(({ name }) => name), "objective");
  return objective;
}

function halvingOf(
  settings: SweepSettings,
  { plan }: Prepared,
  space: readonly Axis[],
  objective: Objective | undefined,
): SweepDefinition["halving"] {
  const { halving } = settings;
  if (!halving) return undefined;
  const { metric, goal } = /\s/.test(halving.metric.trim())
    ? parseObjective(halving.metric)
    : { metric: halving.metric.trim(), goal: objective?.goal ?? "maximize" as const };
  const { node, column } = checkNode(metric, plan.nodes.map(({ name }) => name), "halving.metric");
  const steps = plan.nodes.find(({ name }) => name === node)?.params.steps;
  const max = halving.max ?? steps;
  if (typeof max !== "number") {
    throw new UsageError(`Node ${node} has no parameter steps: say how long a whole training is with halving.max`);
  }
  if (space.some(({ key }) => key === "steps" || key.endsWith(".steps"))) {
    throw new UsageError("Steps cannot vary in successive halving, which compares trainings of the same length");
  }
  if (typeof steps === "number" && max !== steps) {
    throw new UsageError(`Node ${node} trains for ${steps} steps, but halving.max is ${max}: leave halving.max out`);
  }
  if (halving.min >= max) {
    throw new UsageError(`Expected halving.min below the ${max} steps of a whole training, found ${halving.min}`);
  }
  return { node, column, goal, budgets: budgets(halving.min, max, halving.eta), eta: halving.eta };
}

function checkNode(metric: string, nodes: readonly string[], what: string): { node: string; column: string } {
  const match = /^([A-Za-z0-9][\w-]*)\.(\w+)$/.exec(metric);
  if (!match) throw new UsageError(`Expected ${what} to be node.column, found ${JSON.stringify(metric)}`);
  const [, node = "", column = ""] = match;
  if (!nodes.includes(node)) {
    throw new UsageError(`${what} is about node ${node}, which is not in the plan: ${didYouMean(node, nodes)}`);
  }
  return { node, column };
}
