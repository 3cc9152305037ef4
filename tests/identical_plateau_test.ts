/** The rule that compares results, on the evaluation that is used in earnest. */
import assert from "node:assert/strict";
import type { Finding } from "../runner/diagnosis.ts";
import { programTest } from "./permissions.ts";
import { stillroom } from "./runner/harness.ts";

/** Trains a student of `bricks` at 32 px and measures it. */
async function run(folder: string, ...overrides: string[]) {
  const student = ["size=32", "train.steps=48", "train.batch_samples=2048", "train.log2_entries=12"];
  const { code, out, err } = await stillroom(
    folder,
    "run",
    "experiments/photographs.ts",
    ...student,
    ...overrides,
    "--json",
    "--no-check",
  );
  const answer = JSON.parse(out.trimEnd().split("\n").at(-1) ?? "") as { run: string; findings: Finding[] };
  return { code, err, ...answer };
}

programTest("identicalPlateau names a parameter without effect on healthy students of two runs", async (folder) => {
  const first = await run(folder, "train.eval_every=24");
  assert.deepEqual(first.findings, [], first.err);
  const other = await run(folder, "train.eval_every=24", "train.rate=0.01");
  assert.deepEqual(other.findings, [], "a parameter with effect");
  const second = await run(folder, "train.eval_every=48");
  assert.equal(second.code, first.code, "a finding is no failure");
  const [finding, ...more] = second.findings;
  assert.deepEqual([finding?.rule, finding?.severity, finding?.node, more.length], [
    "identical-plateau",
    "note",
    "evaluate",
    0,
  ]);
  assert.ok(
    finding?.message.startsWith(
      `student of run ${first.run} (eval_every 24) and student of run ${second.run} (eval_every 48) score the same in each of 25 views (`,
    ),
    finding?.message,
  );
});
