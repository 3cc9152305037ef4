import assert from "node:assert/strict";
import { join } from "node:path";
import { chartTest, duckdbTest, report, runId, writeRun, writeText } from "./_fixtures.ts";
import { fileTest } from "../tests/permissions.ts";
import { findReports, type ReportArguments } from "./command.ts";

const end = "<!-- /stillroom -->";

const roadmap = [
  "# Roadmap",
  "",
  "<!-- stillroom:table",
  "select run, psnr, psnr_constant, ssim from evaluations order by run",
  "-->",
  end,
  "",
  `Best: <!-- stillroom:value select max(psnr) from evaluations -->${end} dB.`,
  "",
  `- [ ] <!-- stillroom:gate photographs evaluate.psnr preset=cpu scene=lego400 -->Reaches 30.5 dB${end}`,
  "",
  `<!-- stillroom:image quickstart evaluate strip.png preset=tiny -->${end}`,
  "",
].join("\n");

duckdbTest("reportCommand: record, report, check, and the same check in a fresh clone", async (root) => {
  await writeText(root, "ROADMAP.md", roadmap);
  await writeRun(root, { run: runId(1), psnr: "30.9" });
  await writeRun(root, { run: runId(2), psnr: "inf" });
  await writeRun(root, { run: runId(3), experiment: "quickstart", preset: "tiny", scene: "bricks", psnr: "25" });

  const plain = await report({ root });
  assert.equal(plain.code, 0);
  assert.match(plain.error, /^note: 3 finished runs are not in the evidence.*--record copies them$/);
  const empty = await Deno.readTextFile(join(root, "ROADMAP.md"));
  assert.match(empty, /\*Nothing recorded yet\*/);
  assert.match(empty, /Best: <!-- .* -->unmeasured<!--/);
  assert.match(empty, /- \[ \] .*Reaches 30\.5 dB \(unmeasured\)/);

  const recorded = await report({ root, record: true });
  assert.equal(recorded.code, 0, recorded.error);
  assert.match(recorded.out, /^2 runs recorded: .*\nROADMAP\.md: 4 directives regenerated$/);
  const text = await Deno.readTextFile(join(root, "ROADMAP.md"));
  assert.match(text, /\| \[01J40002AA\]\(reports\/evidence\/provenance\.csv#L2\) +\| +∞ \| +10\.68 \| 0\.9512 \|/);
  assert.match(text, /- \[x\] .*Reaches 30\.5 dB \(∞, at least 30\.5, 1 seed, run \[01J40002AA\]/);
  assert.match(text, /!\[.*\]\(reports\/images\/quickstart-tiny-bricks-evaluate-strip\.png\)/);

  const again = await report({ root });
  assert.deepEqual([again.code, again.out], [0, "ROADMAP.md: unchanged"]);
  assert.match(again.error, /^note: 1 finished run is not in the evidence/);

  const clone = join(root, "clone");
  await writeText(clone, "ROADMAP.md", text);
  for (const folder of ["reports/evidence", "reports/images"]) {
    for await (const { name } of Deno.readDir(join(root, folder))) {
      await writeText(clone, `${folder}/${name}`, await Deno.readTextFile(join(root, folder, name)));
    }
  }
  const fresh = await report({ root: clone, check: true });
  assert.deepEqual(fresh, { code: 0, out: "1 report checked against the evidence: all agree", error: "" });

  const tampered = text.replace(" 10.68 |", " 10.86 |").replace("[x]", "[ ]");
  await writeText(clone, "ROADMAP.md", tampered);
  await Deno.remove(join(clone, "reports/images"), { recursive: true });
  const wrong = await report({ root: clone, check: true });
  assert.equal(wrong.code, 1);
  assert.match(wrong.error, /^ROADMAP\.md:8: stillroom:table is not what the evidence says; run report and commit$/m);
  assert.match(wrong.error, /^ {2}- .* 10\.86 \|.*\n {2}\+ .* 10\.68 \|/m);
  assert.match(wrong.error, /^ROADMAP\.md:14: stillroom:gate .*\n {2}- - \[ \] .*\n {2}\+ - \[x\] /m);
  assert.match(wrong.error, /^ROADMAP\.md:16: reports\/images\/.* is missing: restore it/m);
  assert.equal(await Deno.readTextFile(join(clone, "ROADMAP.md")), tampered, "a check writes nothing");
});

duckdbTest(
  "reportCommand: an SQL error names file, line and DuckDB's sentence, and leaves that directive alone",
  async (root) => {
    const text = `# A\n\n<!-- stillroom:table\nselect\n  pnsr\nfrom evaluations\n-->\nold\n${end}\n` +
      `<!-- stillroom:table install json -->${end}\n`;
    await writeText(root, "docs/deep/a.md", text);
    const { code, error } = await report({ root, files: ["docs/deep/a.md"] });
    assert.equal(code, 1);
    const [first = "", second = ""] = error.split("\n");
    assert.match(first, /^docs\/deep\/a\.md:5: SQL of stillroom:table failed: Binder Error: .*"pnsr" not found/);
    assert.match(second, /^docs\/deep\/a\.md:10: SQL of stillroom:table failed: Expected a reading .* found install/);
    assert.equal(await Deno.readTextFile(join(root, "docs/deep/a.md")), text);
    assert.equal((await report({ root, check: true })).code, 1);
  },
);

chartTest("reportCommand: no directive of ROADMAP.md fails for want of data when nothing is recorded", async (root) => {
  await writeText(root, "ROADMAP.md", await Deno.readTextFile(new URL("../ROADMAP.md", import.meta.url)));
  const { code, error } = await report({ root });
  assert.deepEqual([code, error], [0, ""]);
  const text = await Deno.readTextFile(join(root, "ROADMAP.md"));
  assert.ok(text.includes("stillroom:table") && !text.includes("reports/evidence/provenance.csv#L"));
});

fileTest(
  "reportCommand: exit 2 and a sentence for arguments that cannot be followed, exit 1 for broken evidence",
  async (root) => {
    const said = async (args: Omit<ReportArguments, "root">) => {
      const { code, error } = await report({ root, ...args });
      return `${code}: ${error}`;
    };
    assert.match(await said({ check: true, record: true }), /^2: Give either --record or --forget, or --check/);
    assert.match(await said({ files: ["nope.md"] }), /^2: There is no report nope\.md in /);
    assert.match(await said({ files: ["../nope.md"] }), /^2: The report \.\.\/nope\.md lies outside /);
    assert.match(await said({ record: "nope" }), /^2: No run "nope" in runs\//);
    assert.match(await said({ record: true }), /^0: note: No finished run in runs\/ to record/);
    await writeText(root, "reports/evidence/runs.csv", "run,experiment\n1,a");
    assert.match(await said({ check: true }), /^1: reports\/evidence\/runs\.csv does not end with a line end/);
  },
);

fileTest("reportCommand: a picture stays when its run is gone, and only a newer one replaces it", async (root) => {
  const picture = "reports/images/quickstart-tiny-bricks-evaluate-strip.png";
  const run = { experiment: "quickstart", preset: "tiny", scene: "bricks" };
  await writeText(root, "ROADMAP.md", `<!-- stillroom:image quickstart evaluate strip.png preset=tiny -->${end}\n`);
  const shown = async () =>
    /run \[(\w+)\]/.exec(await Deno.readTextFile(join(root, "ROADMAP.md")))?.[1] + " " +
    await Deno.readTextFile(join(root, picture));
  const second = await writeRun(root, { ...run, run: runId(2), seeds: [5, 6] });
  assert.equal((await report({ root, record: true })).code, 0);
  assert.equal(await shown(), "01J40002AA not really a picture of seed 5");
  await Deno.remove(join(root, second), { recursive: true });
  await writeRun(root, { ...run, run: runId(1) });
  assert.equal((await report({ root, record: true })).code, 0);
  assert.equal(await shown(), "01J40002AA not really a picture of seed 5");
  await writeRun(root, { ...run, run: runId(3) });
  assert.equal((await report({ root, record: true })).code, 0);
  assert.equal(await shown(), "01J40003AA not really a picture of seed 0");
});

fileTest("findReports: Markdown with directives in the root, docs and dashboards, nothing else", async (root) => {
  const directive = `<!-- stillroom:value select 1 -->1${end}\n`;
  for (const file of ["B.md", "docs/x/c.md", "dashboards/a.md", "other/d.md", "docs/e.txt"]) {
    await writeText(root, file, directive);
  }
  await writeText(root, "README.md", "```\n" + directive + "```\n");
  assert.deepEqual(await findReports(root), ["B.md", "dashboards/a.md", "docs/x/c.md"]);
});

duckdbTest(
  "reportCommand: a gate whose code moved is unticked and says why, and the check agrees without asking",
  async (root) => {
    await writeText(
      root,
      "ROADMAP.md",
      `- [ ] <!-- stillroom:gate photographs evaluate.psnr -->Reaches 30.5 dB${end}\n`,
    );
    await writeRun(root, { run: runId(1) });
    const read = () => Deno.readTextFile(join(root, "ROADMAP.md"));
    const moved = [{ run: runId(1), experiment: "photographs", node: "evaluate", cause: "code of student changed" }];
    let stale = moved;
    const findStale = () => Promise.resolve(stale);
    assert.equal((await report({ root, record: true, findStale })).code, 0);
    assert.match(
      await read(),
      /^- \[ \] .*Reaches 30\.5 dB \(stale: 31\.20, at least 30\.5, 1 seed, run .*, llvmpipe, code of student changed\)/,
    );
    const never = () => Promise.reject(new Error("A check must not ask"));
    assert.equal((await report({ root, check: true, findStale: never })).code, 0);
    stale = [];
    assert.equal((await report({ root, findStale })).code, 0);
    assert.match(
      await read(),
      /^- \[x\] .*Reaches 30\.5 dB \(31\.20, at least 30\.5, 1 seed, run [^,]*, commit 1a2b3c4, llvmpipe\)/,
    );
  },
);
