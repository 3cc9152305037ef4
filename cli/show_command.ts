/** `show`: all that is known of a run, for a person or as one JSON object. */

import { toJson } from "../runner/json.ts";
import { type NodeState, readRunState } from "../runner/run_state.ts";
import { findRun, newestRun } from "./find_run.ts";
import { foldersOf } from "./project.ts";
import type { ShowArguments } from "./show_arguments.ts";
import { quoted } from "./shell.ts";
import { readShown, type Shown, widthOfTerminal } from "./show_run.ts";
import { showText } from "./show_text.ts";
import { Paint } from "./table.ts";

/** Runs the command; always 0 when there is such a run. */
export async function showCommand(args: ShowArguments): Promise<number> {
  const folders = foldersOf(args);
  const { path, plan } = args.run === undefined ? await newestRun(folders) : await findRun(folders, args.run);
  const options = [["--cache-dir", args.cacheDir], ["--runs-dir", args.runsDir]].flatMap(([option, folder]) =>
    folder === undefined ? [] : [` ${option} ${quoted(folder)}`]
  );
  const shown = await readShown(folders, await readRunState(folders, path, plan), options.join(""));
  if (args.json) console.log(JSON.stringify(showJson(shown)));
  else console.log(showText(shown, new Paint(), { all: args.all, width: widthOfTerminal(), now: Date.now() }));
  return 0;
}

function showJson({ state, parameters, events, model, options }: Shown): unknown {
  const { plan, summary } = state;
  return toJson({
    run: plan.run,
    experiment: plan.experiment,
    title: plan.title,
    preset: plan.preset,
    scene: plan.scene ?? null,
    status: state.status,
    error: summary?.error ?? null,
    seeds: plan.seeds,
    started: summary?.started ?? state.provenance?.started ?? null,
    finished: summary?.finished ?? null,
    seconds: summary?.seconds ?? null,
    provenance: state.provenance ?? null,
    params: plan.params,
    changed: Object.fromEntries(
      parameters.list.flatMap(({ key, initial, by }) => by ? [[key, { default: initial ?? null, by }]] : []),
    ),
    nodes: state.nodes.flat().map(nodeJson),
    metrics: summary?.metrics ?? {},
    gates: summary?.gates ?? [],
    findings: summary?.findings ?? [],
    events: events.map(({ node, seed, row }) => ({ node, seed, ...row })),
    parameters_sha256: summary?.parameters_sha256 ?? null,
    gpu_peak_bytes: summary?.gpu_peak_bytes ?? null,
    path: state.path,
    files: state.files,
    model: model ?? null,
    again: parameters.again + options,
  });
}

function nodeJson({ node, seed, key, entry, status, result, progress, holder }: NodeState): unknown {
  return {
    node: node.name,
    stage: node.stage,
    inputs: node.inputs,
    seed: seed ?? null,
    status,
    seconds: result?.seconds ?? null,
    finished: result?.finished ?? null,
    key,
    cache: entry,
    holder,
    ...(progress ? { step: progress.step, steps: progress.steps ?? null, last_row: progress.row } : {}),
  };
}
