import assert from "node:assert/strict";
import { fileTest } from "../tests/permissions.ts";
import { diagnose, type Evidence, gatherEvidence, type Rule } from "./diagnosis.ts";

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
