/**
 * Finds recorded results that today's code or data would not give: a check-box in a report must not stay ticked by code that
 * has moved since.
 *
 * @module
 */
import { messageOf } from "../runner/errors.ts";
import { buildPlan, type Experiment, type Plan } from "../runner/experiment.ts";
import { hashCode } from "../runner/code_hash.ts";
import { hashData } from "../runner/data_hash.ts";
import { canonicalJson, sha256 } from "../runner/json.ts";
import { ModuleGraph } from "../runner/module_graph.ts";
import { resolveParameters } from "../runner/params.ts";
import { exists } from "../runner/paths.ts";
import type { Row, Tables } from "../reports/tables.ts";
import { latestRuns } from "../reports/lookup.ts";
import { experimentFiles, loadByName } from "./experiments.ts";

/** What {@link findStale} needs. */
export interface StaleOptions {
  /** The project's folder. */
  readonly root: string;
  /** The cache folder, where hashes are remembered. */
  readonly cache: string;
  /** Called with one sentence for each run that cannot be judged. */
  warn(message: string): void;
}

/**
 * Rows of the table `stale`: of the newest recorded runs, each node whose result depends on code, parameters or data that moved,
 * with the cause. The device is no cause: a result of another machine stays true.
 *
 * Data that is not on this machine counts as unmoved. A run whose plan cannot be built again (its experiment is gone, or has
 * other parameters now) is stale in every node.
 */
export async function findStale(evidence: Tables, options: StaleOptions): Promise<Row[]> {
  const graph = new ModuleGraph(options.root);
  const codes = new Map<string, Promise<string>>();
  const codeOf = (url: string): Promise<string> => {
    const known = codes.get(url) ??
      graph.add(url).then(() => hashCode(graph, url, options.cache)).then(({ semantic }) => semantic);
    codes.set(url, known);
    return known;
  };
  const datas = new Map<string, Promise<string | undefined>>();
  const dataOf = (path: string): Promise<string | undefined> => {
    const known = datas.get(path) ??
      exists(path).then((there) => there ? hashData(path, options.cache, "a recorded run") : undefined);
    datas.set(path, known);
    return known;
  };
  const files = await experimentFiles(options.root);
  const experiments = new Map<string, Promise<Experiment | undefined>>();
  const stale: Row[] = [];
  for (const run of latestRuns(evidence)) {
    const { run: id = "", experiment: name = "", preset = "", scene = "" } = run;
    const recorded = evidence.nodes.rows.filter((row) => row.run === id);
    if (recorded.length === 0) continue;
    const origin = { run: id, experiment: name, preset, scene };
    const found = experiments.get(name) ?? loadByName(files, name);
    experiments.set(name, found);
    let causes: Map<string, string>;
    try {
      const experiment = await found;
      const plan = experiment && await planAgain(experiment, evidence, id, preset);
      causes = plan ? await causesOf(recorded, plan, codeOf, dataOf) : all(recorded, `experiment ${name} is gone`);
    } catch (error) {
      options.warn(`run ${id} of ${name} cannot be planned again, so it is stale: ${messageOf(error).split("\n")[0]}`);
      causes = all(recorded, "its parameters cannot be planned any more");
    }
    for (const [node, cause] of causes) stale.push({ ...origin, node, cause });
  }
  return stale;
}

/** The plan of a recorded run, made from its parameters by today's experiment. */
async function planAgain(experiment: Experiment, evidence: Tables, run: string, preset: string): Promise<Plan> {
  const overrides = evidence.params.rows.filter((row) => row.run === run).map(({ key, value }) => `${key}=${value}`);
  const params = await resolveParameters(experiment.params, { presets: experiment.presets, overrides });
  return buildPlan(experiment, params, preset === "" ? undefined : preset);
}

/** Node -> why it is stale; by itself first, otherwise through an input. */
async function causesOf(
  recorded: readonly Row[],
  plan: Plan,
  codeOf: (url: string) => Promise<string>,
  dataOf: (path: string) => Promise<string | undefined>,
): Promise<Map<string, string>> {
  const causes = new Map<string, string>();
  const now = new Map(plan.nodes.map((node) => [node.name, node]));
  for (const row of recorded) {
    const name = row.node ?? "";
    if (causes.has(name)) continue;
    const node = now.get(name);
    const cause = !node
      ? `${name} is no longer in the plan`
      : node.stage.name !== row.stage
      ? `${name} is another stage now (${node.stage.name})`
      : sha256(canonicalJson(node.params)) !== row.params_sha256
      ? `parameters of ${name} changed`
      : await codeOf(node.stage.module) !== row.code
      ? `code of ${name} changed`
      : await dataMoved(row.data ?? "", dataOf)
      ? `data of ${name} changed`
      : undefined;
    if (cause !== undefined) causes.set(name, cause);
  }
  // Rows stand in the order of the plan: each after its inputs.
  for (const { node = "", inputs } of recorded) {
    if (causes.has(node) || !inputs) continue;
    for (const from of Object.values(JSON.parse(inputs) as Record<string, string>)) {
      const cause = causes.get(from);
      if (cause === undefined) continue;
      causes.set(node, cause);
      break;
    }
  }
  return causes;
}

async function dataMoved(recorded: string, dataOf: (path: string) => Promise<string | undefined>): Promise<boolean> {
  if (recorded === "") return false;
  for (const [path, hash] of Object.entries(JSON.parse(recorded) as Record<string, string>)) {
    const now = await dataOf(path);
    if (now !== undefined && now !== hash) return true;
  }
  return false;
}

function all(recorded: readonly Row[], cause: string): Map<string, string> {
  return new Map(recorded.map((row) => [row.node ?? "", cause]));
}
