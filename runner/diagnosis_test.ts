import assert from "node:assert/strict";
import { fileTest } from "../tests/permissions.ts";
import {
  type ComparedEvidence,
  diagnose,
  diagnoseGroup,
  type Evidence,
  gatherEvidence,
  type GroupRule,
  type Rule,
} from "./diagnosis.ts";

const blank: Rule = {
  id: "blank-render",
  severity: "critical",
  docs: "docs/rules.md#blank",
  check({ metrics, tables }) {
    const white = tables("evaluations").find((row) => row.split === "test")?.psnr_white;
    if (typeof white !== "number" || Math.abs(white - (metrics.psnr ?? 0)) > 0.02) return undefined;
    return {
      message: `PSNR ${metrics.psnr} is that of a white picture`,
      evidence: [{ psnr_white: white }],
      suggestion: "Look",
    };
  },
};
const quiet: Rule = { id: "quiet", severity: "warning", docs: "", check: () => undefined };
const broken: Rule = {
  id: "broken",
  severity: "critical",
  docs: "",
  check: () => {
    throw new Error("oops");
  },
};
/** Fires once for the results that share a PSNR. */
const alike: GroupRule = {
  id: "alike",
  severity: "critical",
  docs: "docs/rules.md#alike",
  compare: (evidence) =>
    [...Map.groupBy(evidence, ({ metrics }) => metrics.psnr).values()]
      .filter((members) => members.length > 1)
      .map((members) => ({ members, message: members.map(({ node }) => node).join(" "), suggestion: "Look" })),
};

fileTest("gatherEvidence() shows rules the metrics and tables of a stage", async (folder) => {
  await Deno.writeTextFile(`${folder}/evaluations.csv`, "split,psnr_white\ntest,9.49\ntra");
  const evidence = await gatherEvidence("evaluate", "evaluate", { psnr: 9.5 }, folder);
  assert.deepEqual(evidence.tables("evaluations.csv"), [{ split: "test", psnr_white: 9.49 }]);
  assert.deepEqual(evidence.tables("none"), []);
  assert.equal(diagnose([blank], evidence)[0]?.rule, "blank-render");
});

Deno.test("diagnose() gives findings worst first, and a broken rule as a note", () => {
  const evidence: Evidence = {
    node: "evaluate",
    stage: "evaluate",
    metrics: { psnr: 9.5 },
    tables: () => [{ split: "test", psnr_white: 9.49 }],
  };
  assert.deepEqual(
    diagnose([broken, quiet, blank], evidence).map(({ rule, severity, node }) => [rule, severity, node]),
    [
      ["blank-render", "critical", "evaluate"],
      ["broken", "note", "evaluate"],
    ],
  );
  assert.deepEqual(diagnose([blank], { ...evidence, metrics: { psnr: 27 } }), [], "no alarm on a healthy run");
});

Deno.test("diagnoseGroup() names the newest result of the run at hand, and is silent on earlier runs", () => {
  const result = (run: string, node: string, psnr: number, seed?: number): ComparedEvidence => ({
    node,
    stage: "evaluate",
    metrics: { psnr },
    tables: () => [],
    run,
    ...(seed === undefined ? {} : { seed }),
    params: {},
    inputs: {},
  });
  const before = [result("r1", "a", 9), result("r1", "b", 9), result("r1", "c", 8, 0)];
  assert.deepEqual(diagnoseGroup([alike], before, "r2"), []);
  const now = [...before, result("r2", "d", 7), result("r2", "e", 8, 0), result("r2", "f", 8, 1), result("r2", "g", 6)];
  assert.deepEqual(diagnoseGroup([blank, alike], now, "r2"), [{
    rule: "alike",
    node: "f",
    docs: "docs/rules.md#alike",
    severity: "critical",
    message: "c e f",
    evidence: [],
    suggestion: "Look",
    seed: 1,
  }]);
});

Deno.test("diagnoseGroup() gives a broken rule as a note, and diagnose() passes over rules that compare", () => {
  const evidence: ComparedEvidence = {
    node: "evaluate",
    stage: "evaluate",
    metrics: {},
    tables: () => [],
    run: "r1",
    params: {},
    inputs: {},
  };
  const torn: GroupRule = {
    ...alike,
    compare: () => {
      throw new Error("oops");
    },
  };
  const found = diagnoseGroup([torn, alike], [evidence], "r1");
  assert.deepEqual(found.map(({ severity, node }) => [severity, node]), [["note", "evaluate"]]);
  assert.match(found[0]?.message ?? "", /^Rule alike could not be checked: oops/);
  assert.deepEqual(diagnose([torn], evidence), []);
});
