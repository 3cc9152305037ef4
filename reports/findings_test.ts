import assert from "node:assert/strict";
import { runId } from "./_fixtures.ts";
import { DirectiveError } from "./arguments.ts";
import { renderFindings } from "./findings.ts";
import { runLinks } from "./lookup.ts";
import { buildTable, emptyTables, type Row, type Tables } from "./tables.ts";

/** Runs by number, and findings. */
function evidence(runs: readonly Row[], findings: readonly Row[]): Tables {
  return {
    ...emptyTables(),
    runs: buildTable("runs", runs, assert.fail),
    provenance: buildTable(
      "provenance",
      runs.map(({ run = "" }) => ({ run, commit: "1a2b3c4d".repeat(5) })),
      assert.fail,
    ),
    findings: buildTable("findings", findings, assert.fail),
    params: buildTable("params", [{ run: runId(1), experiment: "a", key: "downscale", value: "2" }], assert.fail),
  };
}

const run = (number: number, more: Row = {}): Row => ({
  run: runId(number),
  experiment: "a",
  preset: "cpu",
  scene: "lego",
  params_hash: `h${number}`,
  seeds: "1",
  ...more,
});

const finding = (number: number, more: Row = {}): Row => ({
  ...run(number),
  seeds: "",
  node: "evaluate",
  seed: "0",
  rule: "blank-render",
  severity: "critical",
  message: "All white",
  suggestion: "Look at strip.png",
  docs: "docs/rules.md#blank-render",
  ...more,
});

function render(args: string, tables: Tables, file = "ROADMAP.md") {
  return renderFindings(args, file, tables, runLinks(tables, file));
}

Deno.test("renderFindings: one item for each rule and run, the worst first, with its page, nodes, advice and run", () => {
  const tables = evidence([run(1), run(2, { experiment: "b" })], [
    finding(1, { rule: "a-note", severity: "note", docs: "", suggestion: "", node: "b`c" }),
    finding(2, { experiment: "b", rule: "depth-scale", severity: "warning", message: "Twice | true\ndepth." }),
    finding(1),
    finding(1, { node: "evaluate_b" }),
  ]);
  const { lines, warning } = render("", tables, "dashboards/health.md");
  assert.equal(warning, undefined);
  assert.equal(
    lines.join("\n"),
    [
      "- **critical** [blank-render](../docs/rules.md#blank-render) at `evaluate`, `evaluate_b`: All white",
      "",
      "  *Try:* Look at strip.png.",
      "",
      "  <sub>a, cpu, lego: run [01J40001AA](../reports/evidence/provenance.csv#L2), commit 1a2b3c4</sub>",
      "",
      "- **warning** [depth-scale](../docs/rules.md#blank-render) at `evaluate`: Twice \\| true depth.",
      "",
      "  *Try:* Look at strip.png.",
      "",
      "  <sub>b, cpu, lego: run [01J40002AA](../reports/evidence/provenance.csv#L3), commit 1a2b3c4</sub>",
      "",
      "- **note** a-note at `bc`: All white",
      "",
      "  <sub>a, cpu, lego: run [01J40001AA](../reports/evidence/provenance.csv#L2), commit 1a2b3c4</sub>",
      "",
      "<sub>4 findings in 2 of 2 newest runs</sub>",
    ].join("\n"),
  );
});

Deno.test("renderFindings: nodes that a rule tells other things are listed below it, seeds named where there are several", () => {
  const tables = evidence([run(1, { seeds: "2" })], [
    finding(1, { message: "0.9" }),
    finding(1, { message: "0.8", seed: "1" }),
    finding(1, { message: "0.9", node: "b" }),
  ]);
  assert.deepEqual(render("a", tables).lines.slice(0, 3), [
    "- **critical** [blank-render](docs/rules.md#blank-render)",
    "  - `evaluate` seed 0, `b` seed 0: 0.9",
    "  - `evaluate` seed 1: 0.8",
  ]);
});

Deno.test("renderFindings: the newest run of equal settings counts, unless all or one is asked for", () => {
  const tables = evidence([run(1), run(2, { params_hash: "h1" })], [finding(1)]);
  assert.deepEqual(render("", tables).lines, ["It is healthy: 1 newest run looked at, no finding."]);
  assert.match(render("run=all", tables).lines.at(-1) ?? "", /^<sub>1 finding in 1 of 2 runs</);
  assert.match(render("run=01J40001", tables).lines.at(-1) ?? "", /^<sub>1 finding in 1 of 1 run</);
  assert.match(render(`a run=${runId(2)}`, tables).lines[0] ?? "", /^It is healthy: 1 run looked at/);
});

Deno.test("renderFindings: severity is the least that is shown, conditions and except choose among the runs", () => {
  const tables = evidence([run(1), run(2, { scene: "bricks" }), run(3, { experiment: "b" })], [
    finding(1, { severity: "note" }),
    finding(3, { experiment: "b" }),
  ]);
  const healthy = "All are healthy: 2 newest runs looked at, no finding of severity warning or worse.";
  assert.deepEqual(render("severity=warning except=b", tables).lines, [healthy]);
  assert.match(render("severity=warning", tables).lines[0] ?? "", /^- \*\*critical/);
  assert.deepEqual(render("scene=bricks", tables).lines, ["It is healthy: 1 newest run looked at, no finding."]);
  assert.match(render("a downscale=2", tables).lines.at(-1) ?? "", /1 of 1 newest run</);
  const none = { lines: ["*No recorded run fits*"], warning: "no recorded run has a parameter downscal" };
  assert.deepEqual(render("a downscal=2", tables), none);
  assert.deepEqual(render("", evidence([], [])).lines, ["*No recorded run fits*"]);
});

Deno.test("renderFindings: an unknown experiment, severity or run is an error with what is known", () => {
  const tables = evidence([run(1), run(2, { experiment: "stage1a" })], []);
  const fails = (args: string, message: RegExp) =>
    assert.throws(
      () => render(args, tables),
      (error) => error instanceof DirectiveError && message.test(error.message),
    );
  fails("stag1a", /^No recorded run is of the experiment stag1a: did you mean stage1a\?$/);
  fails("except=stage", /^No recorded run is of the experiment stage: /);
  fails("severity=warnings", /^Expected severity to be note, warning, critical, found warnings$/);
  fails("run=zz", /^Expected run to be latest, all or the beginning of an id, found zz: no fitting run begins so$/);
  fails("run=01J4", /found 01J4: 2 runs begin so$/);
});
