/** `diff`: what two runs differ in, and what came of it. */

import { dirname, resolve } from "node:path";
import { toJson, writeWhole } from "../runner/json.ts";
import { ask } from "../runner/process.ts";
import { readRunState, type RunState } from "../runner/run_state.ts";
import { shortRun } from "../reports/evidence.ts";
import type { DiffArguments } from "./diff_arguments.ts";
import { drawPairs, type PicturePair, picturePairs } from "./diff_picture.ts";
import { compareRuns, type Pair, type RunDifference } from "./diff_runs.ts";
import { diffText } from "./diff_text.ts";
import { findRun, runBefore } from "./find_run.ts";
import { foldersOf, root } from "./project.ts";
import { widthOfTerminal } from "./show_run.ts";
import { Paint } from "./table.ts";

/** What git knows of the way from one run's commit to the other's. */
export interface GitDifference {
  /** Commits from the first to the second, newest first, one line each; undefined where git does not know both. */
  readonly commits?: readonly string[];
  /** `git diff --stat` of the files that differ, its last line. */
  readonly stat?: string;
}

/** The picture of both runs. */
export interface DrawnPicture {
  /** Where it is, absolute. */
  readonly path: string;
  /** What it shows, from top to bottom. */
  readonly pairs: readonly PicturePair[];
}

/** Runs the command: 0 whether or not the runs differ. */
export async function diffCommand(args: DiffArguments): Promise<number> {
  const folders = foldersOf(args);
  const named = await findRun(folders, args.first);
  const found = args.second === undefined
    ? [await runBefore(named), named]
    : [named, await findRun(folders, args.second)];
  const runs = await Promise.all(found.map(({ path, plan }) => readRunState(folders, path, plan)));
  const [first, second] = runs as [RunState, RunState];
  const difference = await compareRuns(first, second);
  const git = await gitDifference([first, second], difference);
  const picture = args.noPicture ? undefined : await writePicture([first, second], args.out);
  if (args.json) console.log(JSON.stringify(diffJson([first, second], difference, git, picture)));
  else {
    console.log(
      diffText([first, second], difference, { git, picture, all: args.all, width: widthOfTerminal() }, new Paint()),
    );
  }
  return 0;
}

async function gitDifference(runs: Pair<RunState>, { files }: RunDifference): Promise<GitDifference> {
  const [a = "", b = ""] = runs.map(({ provenance }) => provenance?.commit ?? "");
  if (!/^[0-9a-f]{40}$/.test(a) || !/^[0-9a-f]{40}$/.test(b) || a === b) return {};
  const log = await ask("git", ["log", "--oneline", "--no-color", `${a}..${b}`, "--"], root);
  if (!log.ok) return {};
  const commits = log.stdout.split("\n").filter((line) => line !== "");
  const paths = files.map(({ file }) => file).filter((file) => !file.startsWith("/") && !file.includes(":"));
  if (paths.length === 0) return { commits };
  const stat = await ask("git", ["diff", "--stat", "--no-color", a, b, "--", ...paths], root);
  const last = stat.ok ? stat.stdout.trimEnd().split("\n").at(-1)?.trim() : undefined;
  return { commits, ...(last ? { stat: last } : {}) };
}

async function writePicture([first, second]: Pair<RunState>, out: string | undefined): Promise<
  DrawnPicture | undefined
> {
  const pairs = await picturePairs(first, second);
  if (pairs.length === 0) return undefined;
  const path = resolve(out ?? `${second.path}/renders/diff_${shortRun(first.plan.run)}.png`);
  await Deno.mkdir(dirname(path), { recursive: true });
  await writeWhole(path, await drawPairs(pairs));
  return { path, pairs };
}

function diffJson(
  runs: Pair<RunState>,
  difference: RunDifference,
  git: GitDifference,
  picture: DrawnPicture | undefined,
): unknown {
  const [first, second] = runs.map(({ plan, status, path }) => ({
    run: plan.run,
    experiment: plan.experiment,
    preset: plan.preset,
    scene: plan.scene ?? null,
    status,
    path,
  }));
  const { params, packages, provenance, ...rest } = difference;
  return toJson({
    first,
    second,
    params: params.map(({ key, first, second }) => ({ key, first: first ?? null, second: second ?? null })),
    ...rest,
    packages: { gone: packages[0], appeared: packages[1] },
    provenance: provenance.map(({ name, values }) => ({ name, first: values[0], second: values[1] })),
    git,
    picture: picture ?? null,
  });
}
