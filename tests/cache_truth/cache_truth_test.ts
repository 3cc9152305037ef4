/**
 * Cache truth: after each of many scripted edits, every node of a small project is taken from the cache or computed as it should
 * be, by `explain` and by a real run, and `explain` names the cause.
 */

import assert from "node:assert/strict";
import { listFiles } from "../../runner/paths.ts";
import { programTest } from "../permissions.ts";
import { root } from "../runner/harness.ts";
import type { Edit } from "./edit.ts";
import { EDITS } from "./edits.ts";
import type { Decision } from "./probe.ts";
import { BASE, Project } from "./project.ts";

/** So many edits at once, each in a project of its own: the machine may have two cores. */
const LANES = ["one", "a/place/farther/down"];

/**
 * Copies what of Stillroom the probe and the project reach, so that files may change under the test when somebody works on them.
 *
 * @returns the copy's folder
 */
async function copyStillroom(to: string): Promise<string> {
  for (const part of ["cli", "kernels", "models", "runner", "scenes", "stages", "tests/cache_truth", "tests/runner"]) {
    for (const name of await listFiles(`${root}/${part}`)) await copy(`${part}/${name}`, to);
  }
  for (const name of ["deno.json", "deno.lock", "kit.ts", "mod.ts", "testing.ts"]) await copy(name, to);
  return to;
}

async function copy(name: string, to: string): Promise<void> {
  await Deno.mkdir(`${to}/${name}`.replace(/\/[^/]*$/, ""), { recursive: true });
  await Deno.copyFile(`${root}/${name}`, `${to}/${name}`);
}

/** A project with its first run, and its data old enough to be remembered. */
async function begin(folder: string, stillroom: string): Promise<{ project: Project; base: Decision }> {
  const project = await Project.create(folder, stillroom);
  for (const name of await listFiles(project.path("data"))) await aged(project.path(`data/${name}`));
  const base = await project.decide(BASE);
  assert.ok(Object.values(base.reused).every((reused) => !reused), "nothing was there before the first run");
  const again = await project.decide(BASE);
  assert.deepEqual(again.keys, base.keys);
  check({ name: "nothing" }, again);
  const memo = (await listFiles(project.path("cache/.files"))).filter((name) => !name.startsWith("folder-"));
  const remembered = await Promise.all(memo.map((name) => project.text(`cache/.files/${name}`)));
  assert.ok(remembered.length === 2 && remembered.every((text) => text.length > 64), "hashes of data are remembered");
  return { project, base };
}

/** Waits until a file is older than two seconds: younger ones are not remembered. */
async function aged(path: string): Promise<void> {
  const { ctime } = await Deno.stat(path);
  const left = (ctime?.getTime() ?? 0) + 2100 - Date.now();
  if (left > 0) await new Promise((resolve) => setTimeout(resolve, left));
}

/** What was decided, against what an edit wants. */
function check({ runs = {}, cached = {} }: Edit, { explained, reused }: Decision): void {
  const wanted = Object.fromEntries(
    Object.keys(explained).map((node) => {
      const cause = runs[node];
      return [node, { cached: cause === undefined, cause: cause ?? cached[node] ?? "unchanged" }];
    }),
  );
  assert.deepEqual(explained, wanted);
  const missing = [...Object.keys(runs), ...Object.keys(cached)].filter((node) => !(node in explained));
  assert.deepEqual(missing, [], "every node that the edit names is in the plan");
  for (const [node, { cached }] of Object.entries(explained)) {
    assert.equal(reused[node], cached, `the run does with ${node} what explain says`);
  }
}

/** Applies an edit, looks, and leaves the project with nothing but its first run. */
async function attempt(project: Project, base: Decision, edit: Edit): Promise<void> {
  try {
    await edit.apply?.(project);
    check(edit, await project.decide({ ...BASE, ...edit.request, runs: project.path("other_runs") }, edit.env));
  } finally {
    await project.revert();
    const kept = new Set(Object.values(base.keys).flat());
    for await (const { name } of Deno.readDir(project.path("cache"))) {
      if (!name.startsWith(".") && !kept.has(name)) {
        await Deno.remove(project.path(`cache/${name}`), { recursive: true });
      }
    }
  }
}

programTest(
  "after each edit every node is reused or computed as it should be, and explain names the cause",
  async (folder, t) => {
    assert.ok(EDITS.length >= 30);
    const stillroom = await copyStillroom(`${folder}/stillroom`);
    const lanes = await Promise.all(LANES.map((lane) => begin(`${folder}/${lane}`, stillroom)));
    const waiting = [...EDITS];
    const verdicts = new Map<Edit, unknown>();
    await Promise.all(lanes.map(async ({ project, base }) => {
      for (let edit = waiting.shift(); edit; edit = waiting.shift()) {
        verdicts.set(edit, await attempt(project, base, edit).then(() => undefined, (error: unknown) => error));
      }
    }));
    for (const edit of EDITS) {
      await t.step(`${edit.name}: ${edit.runs ? `${Object.keys(edit.runs).join(", ")} anew` : "nothing anew"}`, () => {
        assert.ok(verdicts.has(edit));
        const error = verdicts.get(edit);
        if (error !== undefined) throw error;
      });
    }
    await t.step("a project that lies elsewhere has the same keys", () => {
      const [first, second] = lanes;
      assert.deepEqual(first?.base.keys, second?.base.keys);
    });
    await t.step("when all edits are taken back, everything is in the cache", async () => {
      for (const { project } of lanes) check({ name: "nothing" }, await project.decide(BASE));
    });
  },
);
