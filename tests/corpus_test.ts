/**
 * How well the diagnosis rules tell sick runs from healthy ones, on the corpus of `make_corpus.ts`: every rule is asked about every
 * case, finished and under way. A note is no alarm.
 */
import assert from "node:assert/strict";
import type { Finding } from "../runner/diagnosis.ts";
import { diagnoseCase, diagnoseLive, loadCorpus } from "./corpus.ts";
import { RULES } from "../stages/rules/mod.ts";
import { canUseFiles } from "./permissions.ts";

const LEAST_RECALL = 0.9, LEAST_PRECISION = 0.95;
const LEAST_HEALTHY = 30, LEAST_SICK_PER_RULE = 3;
const MOST_BYTES = 600_000;

const folder = new URL("corpus", import.meta.url).pathname;
const cases = canUseFiles ? await loadCorpus(folder) : [];
const healthy = cases.filter(({ expected }) => expected.length === 0);

const corpusTest = (name: string, fn: () => void | Promise<void>) =>
  Deno.test({ name, ignore: !canUseFiles, fn: async () => await fn() });

/** Rules that raise an alarm, with what they say. */
function alarms(findings: readonly Finding[]): Map<string, string> {
  return new Map(findings.filter(({ severity }) => severity !== "note").map(({ rule, message }) => [rule, message]));
}

/** Hits and misses of one rule over all cases. */
interface Score {
  readonly rule: string;
  readonly sick: number;
  readonly found: number;
  readonly wrong: number;
}

/** What every rule finds in all cases; what went wrong is added to `notes`. */
function score(notes: string[]): Score[] {
  const found = cases.map((item) => alarms(diagnoseCase(RULES, item)));
  return RULES.map(({ id }) => {
    let sick = 0, hits = 0, wrong = 0;
    for (const [i, { name, expected }] of cases.entries()) {
      const said = found[i]!.get(id);
      if (expected.includes(id)) {
        sick++;
        if (said === undefined) notes.push(`${id} is silent on ${name}`);
        else hits++;
      } else if (said !== undefined) {
        wrong++;
        notes.push(`${id} speaks on ${name}: ${said}`);
      }
    }
    return { rule: id, sick, found: hits, wrong };
  });
}

corpusTest("the rules find nine of ten sicknesses, and nineteen of twenty alarms are right", () => {
  const notes: string[] = [], scores = score(notes);
  const sum = (of: (s: Score) => number) => scores.reduce((total, s) => total + of(s), 0);
  const all = { rule: "all", sick: sum((s) => s.sick), found: sum((s) => s.found), wrong: sum((s) => s.wrong) };
  const share = (part: number, whole: number) => whole === 0 ? 1 : part / whole;
  console.log(
    `rule                 sick found wrong  recall precision, ${cases.length} cases, ${healthy.length} healthy`,
  );
  for (const { rule, sick, found, wrong } of [...scores, all]) {
    const [recall, precision] = [share(found, sick), share(found, found + wrong)].map((v) => v.toFixed(3).padStart(7));
    console.log(
      `${rule.padEnd(20)} ${String(sick).padStart(4)} ${String(found).padStart(5)} ${
        String(wrong).padStart(5)
      } ${recall} ${precision}`,
    );
  }
  for (const note of notes) console.log(`  ${note}`);
  assert.ok(share(all.found, all.sick) >= LEAST_RECALL, notes.join("\n"));
  assert.ok(share(all.found, all.found + all.wrong) >= LEAST_PRECISION, notes.join("\n"));
});

corpusTest("no rule alarms on a healthy run, finished or under way", () => {
  const wrong: string[] = [];
  for (const item of healthy) {
    for (const [rule, message] of alarms(diagnoseCase(RULES, item))) wrong.push(`${item.name}: ${rule}: ${message}`);
    for (const result of item.results) {
      for (const { step, findings } of diagnoseLive(RULES, result)) {
        for (const [rule, said] of alarms(findings)) wrong.push(`${item.name}: ${rule} at step ${step}: ${said}`);
      }
    }
  }
  assert.deepEqual(wrong, []);
});

corpusTest(
  "live rules speak of no other sickness while a sick run is under way, and of most before it has ended",
  () => {
    const wrong: string[] = [];
    let expected = 0, early = 0;
    const live = RULES.filter((rule) => "check" in rule && rule.live === true);
    for (const item of cases) {
      for (const result of item.results) {
        const last = Number(result.tables.get("training_metrics")?.at(-1)?.["step"] ?? 0);
        if (last === 0) continue;
        const first = new Map<string, number>();
        for (const { step, findings } of diagnoseLive(live, result)) {
          for (const rule of alarms(findings).keys()) if (!first.has(rule)) first.set(rule, step);
        }
        for (const rule of first.keys()) {
          if (!item.expected.includes(rule)) wrong.push(`${item.name}: ${rule} at step ${first.get(rule)}`);
        }
        const whole = alarms(diagnoseCase(live, { ...item, results: [result] }));
        for (const rule of item.expected.filter((id) => whole.has(id))) {
          expected++;
          if ((first.get(rule) ?? last) < last) early++;
        }
      }
    }
    assert.deepEqual(wrong, []);
    console.log(`${early} of ${expected} sicknesses of trainings were named before the last row`);
    assert.ok(early >= 0.75 * expected, `${early} of ${expected}`);
  },
);

corpusTest("the corpus is large enough to be a judge, and small enough to be carried", async () => {
  assert.ok(healthy.length >= LEAST_HEALTHY, `${healthy.length} healthy cases`);
  for (const { id } of RULES) {
    const sick = cases.filter(({ expected }) => expected.includes(id)).length;
    assert.ok(sick >= LEAST_SICK_PER_RULE, `${id} has ${sick} sick cases`);
  }
  const known = RULES.map(({ id }) => id);
  for (const { name, expected, how } of cases) {
    assert.deepEqual(expected.filter((id) => !known.includes(id)), [], `${name} expects rules that do not exist`);
    assert.ok(how.length > 0, `${name} says how it was made`);
  }
  assert.ok(await sizeOf(folder) < MOST_BYTES, `${await sizeOf(folder)} bytes`);
});

async function sizeOf(path: string): Promise<number> {
  let bytes = 0;
  for await (const { name, isDirectory } of Deno.readDir(path)) {
    bytes += isDirectory ? await sizeOf(`${path}/${name}`) : (await Deno.stat(`${path}/${name}`)).size;
  }
  return bytes;
}
