import assert from "node:assert/strict";
import type { Rule } from "../../runner/diagnosis.ts";
import { programTest } from "../permissions.ts";
import { runToy } from "./harness.ts";

const toy = "./device_toy.ts";
const endless = ["steps=4000000"];

/** Speaks once the training table has so many rows. */
function tooLong(rows: number, live: boolean): Rule {
  return {
    id: "too-long",
    severity: "warning",
    docs: "docs/rules.md",
    watches: ["work"],
    live,
    check({ metrics, tables }) {
      const found = tables("training");
      if (found.length < rows) return undefined;
      return {
        message: `The table has ${rows} rows or more`,
        evidence: found.slice(-1),
        suggestion: "Stop",
        ...(metrics.sum === undefined ? {} : { severity: "critical" as const }),
      };
    },
  };
}

programTest(
  "runPlan() lets a live rule stop a busy worker, keeps its checkpoint and goes on without it",
  async (folder) => {
    const events: string[] = [];
    const report = await runToy(folder, toy, {
      overrides: endless,
      rules: [tooLong(200, true)],
      stopOn: "warning",
      sink: { event: (severity, message) => events.push(`${severity} ${message}`) },
    });
    const { summary } = report;
    assert.equal(summary.status, "stopped");
    assert.equal(report.stoppedBy?.rule, "too-long");
    assert.match(
      summary.error?.message ?? "",
      /^Stopped by rule too-long \(warning\): The table has 200 rows or more\. .*without --stop-on goes on$/,
    );
    assert.deepEqual(summary.findings.map(({ rule, node, seed }) => [rule, node, seed]), [["too-long", "work", 0]]);
    assert.deepEqual(events.filter((event) => event.includes("too-long")).length, 1, "a finding is told once");
    const notes: string[] = [];
    await runToy(folder, toy, {
      overrides: endless,
      rules: [tooLong(200, true)],
      stopOn: "warning",
      sink: { event: (_, message) => notes.push(message) },
    });
    assert.match(notes[0] ?? "", /Going on from step \d+/);
  },
);

programTest(
  "runPlan() is not stopped by a finding that is mild enough, nor by a rule of another stage",
  async (folder) => {
    const mild = await runToy(`${folder}/mild`, toy, {
      overrides: ["steps=400"],
      rules: [{
        ...tooLong(200, true),
        check: (evidence) => ({ ...tooLong(0, true).check(evidence)!, severity: "note" }),
      }],
      stopOn: "warning",
    });
    assert.equal(mild.summary.status, "done");
    assert.deepEqual(mild.summary.findings.map(({ severity }) => severity), ["note"]);
    const rules = [{ ...tooLong(0, true), watches: ["double"] }];
    const other = await runToy(`${folder}/other`, toy, { overrides: ["steps=400"], rules, stopOn: "warning" });
    assert.deepEqual([other.summary.status, other.stoppedBy?.node], ["stopped", "double"]);
  },
);

programTest(
  "runPlan() asks the rules of today about cached results, and stops before the next stage",
  async (folder) => {
    const first = await runToy(folder, toy);
    assert.deepEqual(first.summary.findings, []);
    const rules = [tooLong(1, false)];
    const again = await runToy(folder, toy, { rules });
    assert.deepEqual(again.cached.work, { hits: 1, all: 1 }, "a rule is no part of a key");
    assert.deepEqual([again.summary.status, again.summary.findings[0]?.severity], ["done", "critical"]);
    const stopped = await runToy(folder, toy, { rules, stopOn: "critical" });
    assert.deepEqual([stopped.summary.status, stopped.stoppedBy?.node], ["stopped", "work"]);
    assert.equal(stopped.cached.double, undefined, "the stage after it is not run");
  },
);

programTest("runPlan() asks the rules about a stage that failed, which stays failed", async (folder) => {
  const report = await runToy(folder, toy, {
    overrides: ["steps=100", "wrong=refuse"],
    rules: [{ ...tooLong(0, false), severity: "critical" }],
    stopOn: "critical",
  });
  assert.deepEqual([report.summary.status, report.summary.findings.length], ["failed", 1]);
  assert.equal(report.summary.error?.message, "Torn, mend it");
});
