/** The rules of splat trainings on real ones: one that asks for far too many splats, and the healthy preset `tiny`. */
import assert from "node:assert/strict";
import type { Finding } from "../runner/diagnosis.ts";
import { programTest } from "./permissions.ts";
import { stillroom } from "./runner/harness.ts";

programTest("runawayGrowth names a training that splits everything; tiny has no finding", async (folder) => {
  const findings = async (...words: string[]) => {
    const args = ["run", "experiments/fit_splats.ts", "--preset", "tiny", "--json", "--no-check", ...words];
    const { out, err } = await stillroom(folder, ...args);
    const answer = JSON.parse(out.trimEnd().split("\n").at(-1) ?? "") as {
      error?: unknown;
      findings: readonly Finding[];
    };
    assert.equal(answer.error, undefined, err);
    return answer.findings.map(({ rule, severity, node, message }) => ({ rule, severity, node, message }));
  };
  assert.deepEqual(await findings(), []);
  const few = ["fit.cap=64", "fit.initial=64", "fit.steps=60", "fit.densify_every=2", "fit.densify_threshold=1e-9"];
  const [finding, ...more] = await findings(...few);
  assert.deepEqual(more.filter(({ node }) => node === "teacher"), []);
  assert.deepEqual([finding?.rule, finding?.severity, finding?.node], ["runaway-growth", "warning", "teacher"]);
  assert.match(finding?.message ?? "", /^\d+ of \d+ changes of number wanted .* cap of 64 allows$/);
});
