/** The rule that would have saved nine runs: it fires on a student that renders a constant, and not on a healthy one. */
import assert from "node:assert/strict";
import type { Finding } from "../runner/diagnosis.ts";
import { parseRows } from "../runner/csv.ts";
import { programTest } from "./permissions.ts";
import { stillroom } from "./runner/harness.ts";

interface Answer {
  readonly path: string;
  readonly status: string;
  readonly metrics: Readonly<Record<string, number>>;
  readonly findings: readonly Finding[];
}

/** Runs the experiment; every student is measured on the same `bricks`. */
async function run(folder: string, shows: string) {
  const { code, out, err } = await stillroom(
    folder,
    "run",
    "tests/blank_student.ts",
    `shows=${shows}`,
    "--json",
    "--no-check",
  );
  assert.equal(code, 0, err);
  const answer = JSON.parse(out.trimEnd().split("\n").at(-1) ?? "") as Answer;
  const read = async (file: string) => JSON.parse(await Deno.readTextFile(`${answer.path}/${file}`));
  const summary = await read("summary.json") as { findings: Finding[] };
  const views = parseRows(await Deno.readTextFile(`${answer.path}/evaluate/evaluation_views.csv`));
  return { answer, summary, views, err };
}

programTest(
  "blankRender names a student that renders a constant, in every file and on the terminal",
  async (folder) => {
    const { answer, summary, views, err } = await run(folder, "nothing");
    assert.equal(
      answer.metrics["evaluate.psnr"],
      answer.metrics["evaluate.psnr_white"],
      "a blank render scores all-white",
    );
    const [finding, ...more] = summary.findings;
    assert.deepEqual(more, []);
    assert.ok(finding);
    assert.deepEqual([finding.rule, finding.severity, finding.node], ["blank-render", "critical", "evaluate"]);
    assert.match(finding.message, /^All 4 renders are one flat colour \(largest deviation 0\.00000, below 1\/255\)$/);
    assert.match(finding.docs, /^docs\/rules\.md#blank-render$/);
    assert.equal(finding.evidence.length, 3);
    assert.deepEqual(answer.findings.map(({ rule, severity }) => [rule, severity]), [["blank-render", "critical"]]);
    assert.match(err, /CRITICAL blank-render in evaluate: All 4 renders/);
    assert.deepEqual(views.map((view) => view.deviation), [0, 0, 0, 0]);
  },
);

programTest("blankRender names a student that scores what an all-white picture scores", async (folder) => {
  const { answer, summary, views } = await run(folder, "speck");
  const most = Math.max(...views.map((view) => Number(view.deviation)));
  assert.ok(most > 1 / 255, `the speck must be seen, but no channel deviates by more than ${most}`);
  assert.notEqual(answer.metrics["evaluate.psnr"], answer.metrics["evaluate.psnr_white"]);
  assert.deepEqual(summary.findings.map(({ rule, severity }) => [rule, severity]), [["blank-render", "critical"]]);
  assert.match(
    summary.findings[0]?.message ?? "",
    /^PSNR [\d.]+ dB is what an all-white picture scores \([\d.]+ dB\)$/,
  );
});

programTest("blankRender is silent on a short but healthy training", async (folder) => {
  const { answer, summary } = await run(folder, "trained");
  assert.deepEqual(summary.findings, []);
  assert.ok((answer.metrics["evaluate.psnr_over_constant"] ?? 0) > 1, JSON.stringify(answer.metrics));
});
