import assert from "node:assert/strict";
import { fileTest } from "../tests/permissions.ts";
import { writeText } from "./_fixtures.ts";
import { changesBelow, matters, watchReports } from "./watch.ts";

Deno.test("matters: reports, evidence and ended runs, nothing else", () => {
  const yes = [
    "ROADMAP.md",
    "docs/a/b.md",
    "dashboards/health.md",
    "reports/evidence/runs.csv",
    "runs/a/b/summary.json",
  ];
  const no = [
    "cache/x/result.json",
    "runs/a/b/plan.json",
    "reports/charts/a.svg",
    "docs/a.png",
    "notes/a.md",
    "src.mdx",
  ];
  assert.deepEqual(yes.filter(matters), yes);
  assert.deepEqual(no.filter(matters), []);
});

fileTest("watchReports: renders at once, then once for each batch that matters", async (root) => {
  await writeText(root, "ROADMAP.md", "- [x] <!-- stillroom:gate a b.c -->Done<!-- /stillroom -->\n");
  const said: string[] = [];
  const output = { out: (line: string) => said.push(line), error: (line: string) => said.push(line) };
  async function* changes() {
    yield ["cache/a/result.json"];
    await writeText(root, "ROADMAP.md", "- [x] <!-- stillroom:gate a b.c -->Done again<!-- /stillroom -->\n");
    yield ["ROADMAP.md", "docs/a.md"];
    yield ["ROADMAP.md"];
  }
  assert.equal(await watchReports({ root }, changes(), output), 0);
  assert.deepEqual(said, [
    "ROADMAP.md: 1 directive regenerated",
    "ROADMAP.md and 1 more changed",
    "ROADMAP.md: 1 directive regenerated",
    "ROADMAP.md changed",
    "ROADMAP.md: unchanged",
  ]);
  assert.match(await Deno.readTextFile(`${root}/ROADMAP.md`), /^- \[ \] .*Done again \(unmeasured\)/);
});

fileTest("changesBelow: hears files of the root and deep below, once it is there", async (root) => {
  await writeText(root, "docs/a.md", "");
  await writeText(root, "runs/x/plan.json", "");
  const wanted = ["ROADMAP.md", "docs/a.md", "runs/x/summary.json"];
  const changes = await changesBelow(root, 1);
  for (const file of wanted) await writeText(root, file, "more");
  const heard = new Set<string>();
  for await (const batch of changes) {
    for (const path of batch) heard.add(path);
    if (wanted.every((file) => heard.has(file))) break;
  }
});
