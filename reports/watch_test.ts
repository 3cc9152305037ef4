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

fileTest("changesBelow: hears a file of the root and one deep below", async (root) => {
  await writeText(root, "docs/a.md", "");
  await writeText(root, "runs/x/plan.json", "");
  const changes = changesBelow(root, 1);
  const heard = new Set<string>();
  const wanted = ["ROADMAP.md", "docs/a.md", "runs/x/summary.json"];
  let writing: Promise<unknown> | undefined;
  const write = () => Promise.all(wanted.map((file) => writeText(root, file, "more")));
  // The watcher starts at the first request, so the files are written after it.
  const first = changes.next();
  writing = new Promise((resolve) => setTimeout(resolve, 0)).then(write);
  for (let batch = await first; !wanted.every((file) => heard.has(file)); batch = await changes.next()) {
    for (const path of batch.value ?? []) heard.add(path);
    await writing;
    writing = write();
  }
  await writing;
  await changes.return(undefined);
});
