import assert from "node:assert/strict";
import fc from "fast-check";
import { type RenderedReport, renderReport, type ReportContext } from "./directives.ts";
import { labelOf } from "./gates.ts";
import { findDirectives } from "./markdown.ts";
import { SqlError } from "./sql.ts";
import { buildTable, emptyTables, type Row, type TableName, type Tables } from "./tables.ts";

const end = "<!-- /stillroom -->";
const run = "20260801T000001Z-01J4000001AAAA";
const origin = { run, experiment: "stage1b", preset: "cpu", scene: "lego400" };

/** Tables with one run, its metrics and the given rows. */
function tables(rows: Partial<Record<TableName, Row[]>>): Tables {
  const one: Partial<Record<TableName, Row[]>> = {
    runs: [origin],
    params: [{ ...origin, key: "downscale", value: "4" }],
    metrics: [{ ...origin, metric: "evaluate.psnr", seeds: "3" }],
    provenance: [{ ...origin, commit: "1a2b3c4d".repeat(5), dirty: "false", adapter: "llvmpipe (LLVM 15, 256 bits)" }],
    ...rows,
  };
  const built = Object.entries(one).map(([name, rows]) => [name, buildTable(name as TableName, rows, assert.fail)]);
  return { ...emptyTables(), ...Object.fromEntries(built) };
}

/** A gate row. */
function gateRow(cells: Row): Row {
  const gate = { node: "evaluate", column: "psnr", metric: "evaluate.psnr", operator: ">=", threshold: "26" };
  return { ...origin, ...gate, value: "27.6012", spread: "0.1", state: "pass", ...cells };
}

/** Renders with canned answers by query text. */
function render(text: string, given: Partial<ReportContext> = {}): Promise<RenderedReport> {
  return renderReport(text, {
    file: "ROADMAP.md",
    evidence: tables({ gates: [gateRow({})] }),
    query(sql) {
      if (sql === "one") return { columns: ["psnr"], rows: [[31.204]] };
      if (sql === "with run") return { columns: ["psnr", "run"], rows: [[31.204, run]] };
      if (sql === "none") return { columns: ["psnr"], rows: [] };
      if (sql === "rows") return { columns: ["run", "psnr"], rows: [[run, 31.204], ["a|b", Infinity]] };
      throw new SqlError("Parser Error: no " + sql, 2);
    },
    hashOf: () => Promise.resolve(undefined),
    ...given,
  });
}

Deno.test("renderReport: a table is aligned, linked and rounded, whatever stood there before", async () => {
  const { text, problems } = await render(`<!-- stillroom:table digits.psnr=1\nrows -->junk\n| x |${end}\n`);
  assert.deepEqual(problems, []);
  assert.deepEqual(text.split("\n"), [
    "<!-- stillroom:table digits.psnr=1",
    "rows -->",
    "| run                                              | psnr |",
    "| ------------------------------------------------ | ---: |",
    "| [01J4000001](reports/evidence/provenance.csv#L2) | 31.2 |",
    "| a\\|b                                             |    ∞ |",
    end,
    "",
  ]);
});

Deno.test("renderReport: links are relative to the report, and a table in a list keeps its indent", async () => {
  const { text } = await render(`- x\n  <!-- stillroom:table rows -->${end}`, { file: "dashboards/deep/a.md" });
  assert.match(text, /^ {2}\| \[01J4000001\]\(\.\.\/\.\.\/reports\/evidence\/provenance\.csv#L2\)/m);
  assert.ok(text.endsWith(`\n  ${end}`));
});

Deno.test("renderReport: nested Markdown survives: tables and findings go on with the list, quotation or fold they stand in", async () => {
  const finding = { ...origin, node: "evaluate", rule: "overfit", severity: "note", message: "Ah", suggestion: "Rest" };
  const evidence = tables({ findings: [finding] });
  const report = [
    '1. <!-- stillroom:table empty="*nothing*"',
    `   none -->${end}`,
    "",
    "> - <!-- stillroom:table digits.psnr=0",
    ">   rows",
    `>   -->${end}`,
    ">",
    `> <!-- stillroom:findings -->${end}`,
    "",
    "<details>",
    "<summary>**Not** bold</summary>",
    "",
    `  * <!-- stillroom:findings -->${end}`,
    "",
    "</details>",
    "",
  ].join("\n");
  const { text, problems } = await render(report, { evidence });
  assert.deepEqual(problems, []);
  assert.deepEqual(text.split("\n"), [
    '1. <!-- stillroom:table empty="*nothing*"',
    "   none -->",
    "   *nothing*",
    `   ${end}`,
    "",
    "> - <!-- stillroom:table digits.psnr=0",
    ">   rows",
    ">   -->",
    ">   | run                                              | psnr |",
    ">   | ------------------------------------------------ | ---: |",
    ">   | [01J4000001](reports/evidence/provenance.csv#L2) |   31 |",
    ">   | a\\|b                                             |    ∞ |",
    `>   ${end}`,
    ">",
    "> <!-- stillroom:findings -->",
    "> - **note** overfit at `evaluate`: Ah",
    ">",
    ">   *Try:* Rest.",
    ">",
    ">   <sub>stage1b, cpu, lego400: run [01J4000001](reports/evidence/provenance.csv#L2), commit 1a2b3c4, llvmpipe</sub>",
    ">",
    "> <sub>1 finding in 1 of 1 newest run</sub>",
    `> ${end}`,
    "",
    "<details>",
    "<summary>**Not** bold</summary>",
    "",
    "  * <!-- stillroom:findings -->",
    "    - **note** overfit at `evaluate`: Ah",
    "",
    "      *Try:* Rest.",
    "",
    "      <sub>stage1b, cpu, lego400: run [01J4000001](reports/evidence/provenance.csv#L2), commit 1a2b3c4, llvmpipe</sub>",
    "",
    "    <sub>1 finding in 1 of 1 newest run</sub>",
    `    ${end}`,
    "",
    "</details>",
    "",
  ]);
  assert.equal((await render(text, { evidence })).text, text, "twice changes nothing");
});

Deno.test("renderReport: a value is one number, linked to its run where the query names it", async () => {
  const value = async (args: string) => (await render(`A <!-- stillroom:value ${args} -->?${end} dB`)).text;
  assert.equal(await value("one"), `A <!-- stillroom:value one -->31.20${end} dB`);
  assert.equal(await value("digits=1 one"), `A <!-- stillroom:value digits=1 one -->31.2${end} dB`);
  assert.equal(await value("none"), `A <!-- stillroom:value none -->unmeasured${end} dB`);
  assert.match(await value('empty="not yet" none'), /-->not yet</);
  assert.match(
    await value("with run"),
    /-->\[31\.20\]\(reports\/evidence\/provenance\.csv#L2 "run 20260801T000001Z-01J4000001AAAA, commit 1a2b3c4, llvmpipe"\)</,
  );
  const { problems } = await render(`A <!-- stillroom:value rows -->?${end}`);
  assert.match(problems[0]?.message ?? "", /Expected one number, or one number and its run, found 2 rows of run, psnr/);
  const { warnings } = await render(`- <!-- stillroom:value with run -->?${end}`);
  assert.match(warnings[0]?.message ?? "", /put a word before it/);
});

Deno.test("renderReport: a gate is ticked on pass only and keeps the author's sentence", async () => {
  const filter = "stage1b evaluate.psnr preset=cpu scene=lego400 downscale=4.0";
  const gate = async (cells: Row, body: string, args = filter, box = " ") => {
    const text = `- [${box}] <!-- stillroom:gate ${args} -->${body}${end}`;
    const evidence = tables({ gates: [gateRow(cells)] });
    const once = (await render(text, { evidence })).text;
    assert.equal((await render(once, { evidence })).text, once, "twice changes nothing");
    return once.replace(/<!-- stillroom.*?-->/, "").replace(end, "");
  };
  const from = "run [01J4000001](reports/evidence/provenance.csv#L2), commit 1a2b3c4, llvmpipe";
  const pass = `27.60 ± 0.10, at least 26, 3 seeds, ${from}`;
  assert.equal(await gate({}, "Reaches 26 dB"), `- [x] Reaches 26 dB (${pass})`);
  assert.equal(
    await gate({}, "Reaches 26 dB (27.6 ± 0.1, 3 seeds, run 01J..., commit 1a2b3c4)"),
    `- [x] Reaches 26 dB (${pass})`,
  );
  assert.equal(await gate({}, "Reaches 26 dB (on two cores)"), `- [x] Reaches 26 dB (on two cores) (${pass})`);
  assert.equal(await gate({}, ""), `- [x] (${pass})`);
  assert.equal(await gate({}, "Old", `${filter} label="New name"`), `- [x] New name (${pass})`);
  assert.equal(await gate({}, "A", `${filter} digits=0`), `- [x] A (${pass.replace("27.60 ± 0.10", "28 ± 0")})`);
  for (const state of ["fail", "flaky", "stale"]) {
    assert.equal(await gate({ state }, `A (${pass})`, filter, "x"), `- [ ] A (${state}: ${pass})`);
  }
  assert.equal(await gate({ state: "unmeasured" }, `A (${pass})`, filter, "X"), "- [ ] A (unmeasured)");
  assert.equal(await gate({}, "A (unmeasured)", filter, "X"), `- [X] A (${pass})`);
  assert.equal(await gate({ gate_scene: "bricks" }, "A"), "- [ ] A (unmeasured)");
  assert.match(await gate({ value: "inf", spread: "" }, "A"), /^- \[x\] A \(∞, at least 26, 3 seeds, run/);
});

Deno.test("renderReport: the newest run that fits is judged, and the worst of several thresholds decides", async () => {
  const later = { ...origin, run: "20260802T000000Z-01J5000001AAAA", scene: "bricks" };
  const evidence = tables({
    runs: [origin, later],
    provenance: [origin, later],
    gates: [gateRow({}), gateRow({ ...later, state: "fail", value: "20" }), gateRow(later)],
  });
  const gate = async (filter: string) =>
    (await render(`* [ ] <!-- stillroom:gate ${filter} -->A${end}`, { evidence })).text;
  assert.match(await gate("stage1b evaluate.psnr"), /^\* \[ \] .*A \(fail: 20\.00.*run \[01J5000001\]/);
  assert.match(await gate("stage1b evaluate.psnr scene=lego400"), /^\* \[x\] .*run \[01J4000001\]/);
  assert.match(await gate("stage1b evaluate.psnr preset=paper"), /^\* \[ \] .*A \(unmeasured\)</);
});

Deno.test("renderReport: a gate that can never be found is a warning, not silence", async () => {
  const warning = async (filter: string) =>
    (await render(`- [ ] <!-- stillroom:gate ${filter} -->A${end}`)).warnings[0]?.message;
  assert.match(await warning("stage1b evaluate.pnsr") ?? "", /has no gate on evaluate\.pnsr; it has evaluate\.psnr/);
  assert.match(await warning("stage1b evaluate.psnr downscle=4") ?? "", /has a parameter downscle/);
  assert.equal(await warning("stage9 evaluate.psnr"), undefined);
});

Deno.test("renderReport: a picture comes from the evidence and must be the recorded file", async () => {
  const path = "reports/images/quickstart-tiny-bricks-evaluate-strip.png";
  const evidence = tables({ images: [{ ...origin, path, sha256: "ab" }] });
  const text = `<!-- stillroom:image quickstart evaluate strip.png preset=tiny alt="A [strip]" -->\n${end}\n`;
  const before = await render(text);
  assert.match(before.text, /\*No picture recorded yet\*/);
  const good = await render(text, { evidence, hashOf: () => Promise.resolve("ab") });
  assert.ok(good.text.includes(`\n![A strip](${path})\n\n<sub>run [01J4000001](`));
  assert.match((await render(text, { evidence })).problems[0]?.message ?? "", /is missing: restore it/);
  const other = await render(text, { evidence, hashOf: () => Promise.resolve("cd") });
  assert.match(other.problems[0]?.message ?? "", /is not the recorded one/);
  const problem = async (args: string) =>
    (await render(`<!-- stillroom:image ${args} -->${end}`)).problems[0]?.message ?? "";
  assert.match(await problem("a b c.png scene=lego400"), /scene lego400 are not ours to commit: only of bricks/);
  assert.match(await problem("a b ../../c.png"), /Expected the name of a picture/);
  assert.match(await problem("a b"), /Expected image EXPERIMENT NODE FILE/);
});

Deno.test("renderReport: errors name the line, keep the old text, and do not stop the other directives", async () => {
  const text = [
    "# Title",
    `<!-- stillroom:table digits=2`,
    "select", // the canned error is on line 2 of the query
    "wrong",
    `-->old${end}`,
    `<!-- stillroom:chrat x -->old${end}`,
    `prose <!-- stillroom:gate stage1b evaluate.psnr -->A${end}`,
    `- [ ] <!-- stillroom:gate stage1b -->A${end}`,
    `v <!-- stillroom:value digits=x one -->old${end}`,
    `v <!-- stillroom:value one -->old${end}`,
  ].join("\n");
  const rendered = await render(text);
  assert.deepEqual(rendered.problems.map(({ line, message }) => [line, message.split(/[:,]/)[0]]), [
    [4, "SQL of stillroom"],
    [6, "Unknown directive stillroom"],
    [7, "Expected one check-box before the gate on its line"],
    [8, "Expected gate EXPERIMENT NODE.COLUMN preset=... scene=..."],
    [9, "Expected digits to be a whole number from 0 to 12"],
  ]);
  assert.equal(rendered.text, text.replace(`value one -->old`, `value one -->31.20`));
  assert.match(rendered.problems[1]?.message ?? "", /known are table, value, gate, image, chart, findings$/);
  assert.deepEqual(rendered.changes.map(({ line, kind }) => [line, kind]), [[10, "value"]]);
});

Deno.test("renderReport: several directives on one line keep their places", async () => {
  const text = `- [ ] a <!-- stillroom:value one -->0${end} b <!-- stillroom:gate stage1b evaluate.psnr -->c${end} d`;
  const { text: once, problems } = await render(text);
  assert.deepEqual(problems, []);
  assert.match(
    once,
    /^- \[x\] a <!-- stillroom:value one -->31\.20<.*> b <!-- .* -->c \(27\.60 .*\)<!-- \/stillroom --> d$/,
  );
  const double = await render(once.replace(" d", ` <!-- stillroom:gate stage1b evaluate.psnr -->e${end}`));
  assert.match(double.problems[0]?.message ?? "", /one check-box/);
});

Deno.test("labelOf: only generated brackets are cut off", () => {
  assert.equal(labelOf("A (B) (unmeasured)"), "A (B)");
  assert.equal(labelOf("A (26, in a run with 3 seeds)"), "A (26, in a run with 3 seeds)");
  assert.equal(labelOf("A (fail: see below)"), "A (fail: see below)");
  assert.equal(labelOf("A (unmeasured) B"), "A (unmeasured) B");
  assert.equal(labelOf("A (stale: -0.5, 1 seed, run [x](y#L2), commit 1, gpu)"), "A");
});

/** Prose that tries to confuse: backticks, fences, comments, brackets, every line end. */
const prose = fc.array(
  fc.constantFrom(
    ..."word `code` ` `` ``` ~~~ <!-- c --> <b> --> \\ \\` | # - [x] [ ] > * é ∞ 𝄞 (unmeasured) stillroom".split(" "),
    ..." \n \n\n \t".split(" "),
    "\n",
    "\n- ",
    "\n```\n",
    "\n> ",
    " ",
    `\`<!-- stillroom:value one -->${end}\``,
  ),
  { maxLength: 12 },
).map((words) => words.join(" "));
const directive = fc.constantFrom(
  `\n\n<!-- stillroom:table\nrows\n-->${end}\n\n`,
  `\n\ntext <!-- stillroom:value one -->old value${end} text`,
  `\n\n- [ ] <!-- stillroom:gate stage1b evaluate.psnr -->Label${end}\n`,
  `\n\n<!-- stillroom:image q evaluate strip.png -->${end}\n\n`,
  `\n\n<!-- stillroom:table wrong -->kept${end}\n\n`,
);
const report = fc.tuple(fc.array(fc.tuple(prose, directive), { maxLength: 5 }), prose, fc.boolean()).map(
  ([parts, last, crlf]) => {
    const text = parts.flat().join("") + last;
    return crlf ? text.replaceAll("\n", "\r\n") : text;
  },
);

/** The text without what directives may change: bodies and boxes. */
function untouchable(text: string): string {
  let rest = "";
  let at = 0;
  for (const { bodyStart, bodyEnd } of findDirectives(text).directives) {
    rest += text.slice(at, bodyStart);
    at = bodyEnd;
  }
  return (rest + text.slice(at)).replace(/\[[ xX]\](?= <!-- stillroom:gate)/g, "[ ]");
}

Deno.test("renderReport: prose, line ends and broken directives survive, and twice changes nothing", async () => {
  let rendered = 0;
  await fc.assert(
    fc.asyncProperty(report, async (text) => {
      const once = await render(text);
      const twice = await render(once.text);
      assert.equal(twice.text, once.text);
      assert.deepEqual(twice.changes, []);
      assert.equal(untouchable(once.text), untouchable(text));
      if (!/[^\r]\n/.test(text)) assert.ok(!/[^\r]\n/.test(once.text), "CRLF files stay CRLF");
      rendered += once.changes.length;
    }),
    { numRuns: 400, seed: 1 },
  );
  assert.ok(rendered > 100, `only ${rendered} directives were rendered, so the property says little`);
});
