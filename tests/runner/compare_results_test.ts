import assert from "node:assert/strict";
import type { Finding } from "../../runner/diagnosis.ts";
import { EARLIER_RUNS } from "../../runner/compare_results.ts";
import type { RunReport } from "../../runner/run.ts";
import { StopFlag } from "../../runner/stop.ts";
import { programTest } from "../permissions.ts";
import { runToy, stillroom, type ToyOptions } from "./harness.ts";

const toy = "./plateau_toy.ts";

/** Runs the toy; its parameters are given as `key=value`. */
async function run(folder: string, overrides: readonly string[] = [], options: ToyOptions = {}): Promise<RunReport> {
  return await runToy(folder, toy, { overrides, ...options });
}

/** The only finding of a run. */
function only({ summary }: Pick<RunReport, "summary">): Finding {
  const [finding, ...more] = summary.findings;
  assert.ok(finding, "the rule was silent");
  assert.deepEqual(more, []);
  return finding;
}

programTest(
  "compareResults() finds nodes of one run that score alike, and tells the same everywhere",
  async (folder) => {
    const { code, out, err } = await stillroom(folder, "run", "tests/runner/plateau_toy.ts", "--json", "--no-check");
    assert.equal(code, 0, err);
    const answer = JSON.parse(out.trimEnd().split("\n").at(-1) ?? "") as { path: string; findings: Finding[] };
    const message =
      "student_a (depth.weight 0.05) and student_b (depth.weight 0.5) score the same in each of 4 views (9.61 dB): the parameter does not reach the picture";
    const found = { rule: "identical-plateau", severity: "critical", node: "evaluate_b", message };
    assert.deepEqual(answer.findings, [found]);
    const { findings } = JSON.parse(await Deno.readTextFile(`${answer.path}/summary.json`)) as { findings: Finding[] };
    const { suggestion, ...rest } = findings[0] as Finding;
    assert.match(suggestion, /blank-render/);
    assert.deepEqual([rest, findings.length], [{
      ...found,
      seed: 0,
      docs: "docs/rules.md#identical-plateau",
      evidence: [
        { view: "r_0", student_a: 9.61, student_b: 9.61 },
        { view: "r_1", student_a: 9.735, student_b: 9.735 },
        { view: "r_2", student_a: 9.86, student_b: 9.86 },
      ],
    }, 1]);
    assert.ok(err.includes(`CRITICAL identical-plateau in evaluate_b seed 0: ${message}`), err);
    assert.ok(err.includes(`identical-plateau: ${message}`), "while it runs, too");
  },
);

programTest("compareResults() is silent on what is healthy", async (folder) => {
  const cases: readonly (readonly [name: string, ...overrides: string[]])[] = [
    ["distinct scores", "wired=true"],
    ["a single node", "weights=[0.05]"],
    ["the same stage key", "weights=[0.5,0.5]"],
    ["another scene in each node", "brightness=[0,1]"],
    ["a single view", "views=1"],
  ];
  for (const [index, [name, ...overrides]] of cases.entries()) {
    const { summary } = await run(`${folder}/${index}`, overrides);
    assert.deepEqual([summary.status, summary.findings], ["done", []], name);
  }
  const seeds = await run(`${folder}/seeds`, ["weights=[0.5]"], { seeds: [0, 1] });
  assert.deepEqual(seeds.summary.findings, [], "seeds are no parameter");
});

programTest("compareResults() names every seed, and the finding bears the newest one", async (folder) => {
  const finding = only(await run(folder, [], { seeds: [0, 1] }));
  assert.deepEqual([finding.node, finding.seed], ["evaluate_b", 1]);
  assert.match(
    finding.message,
    /^student_a seed 0 \(depth\.weight 0\.05\), student_a seed 1 \(depth\.weight 0\.05\) and student_b \(/,
  );
});

programTest("compareResults() compares with earlier runs, from the cache or from their copies", async (folder) => {
  const first = await run(folder, ["weights=[0.05]"]);
  assert.deepEqual(first.summary.findings, []);
  const second = await run(folder, ["weights=[0.5]"]);
  const earlier =
    `student_a of run ${first.summary.run} (depth.weight 0.05) and student_a of run ${second.summary.run} (depth.weight 0.5) score the same in each of 4 views`;
  assert.ok(only(second).message.startsWith(earlier), only(second).message);
  assert.equal(only(second).node, "evaluate_a");
  // A run that changes nothing has the keys of the earlier one: it is compared with the other one only.
  const again = await run(folder, ["weights=[0.5]"]);
  assert.match(only(again).message, new RegExp(`^student_a of run ${first.summary.run} [^,]+ and student_a of run`));
  await Deno.remove(`${folder}/cache`, { recursive: true });
  assert.match(only(await run(folder, ["weights=[1]"])).message, /weight 0\.05\), .*weight 0\.5\) and .*weight 1\)/);
  for (const change of ["scene=toys/other", "brightness=[1]", "views=3", "base=9.7"]) {
    assert.deepEqual((await run(folder, ["weights=[2]", change])).summary.findings, [], change);
  }
});

programTest(
  "compareResults() gives every stage key once, oldest run first, in the order of the plan",
  async (folder) => {
    const listed = async (overrides: string[], options: ToyOptions = {}) => {
      const { summary } = await run(folder, ["listed=true", "wired=true", ...overrides], options);
      return { run: summary.run, lines: only({ summary }).message.split("\n") };
    };
    const first = await listed(["weights=[0.5]"]);
    assert.deepEqual(first.lines, [`${first.run} evaluate_a 0 plain`]);
    const second = await listed(["weights=[0.5,0.5,1]"], { seeds: [1, 0] });
    const ofSecond = ["evaluate_a 1", "evaluate_a 0", "evaluate_c 1", "evaluate_c 0"]
      .map((name) => `${second.run} ${name} plain`);
    assert.deepEqual(second.lines, ofSecond, "its own results hide those of the first run, and node b is node a");
    const third = await listed(["weights=[2]", "scene=toys/other"]);
    assert.deepEqual(third.lines, [...ofSecond, `${third.run} evaluate_a 0 other`]);
  },
);

programTest("compareResults() looks at so many ended runs, and passes over torn ones", async (folder) => {
  const { path } = await run(folder, ["weights=[0.05]"]);
  const runs = `${folder}/runs/plateau`;
  const file = (of: string, name: string, text: string) =>
    Deno.mkdir(`${runs}/${of}`, { recursive: true }).then(() => Deno.writeTextFile(`${runs}/${of}/${name}.json`, text));
  const [plan, summary] = await Promise.all(
    ["plan", "summary"].map((name) => Deno.readTextFile(`${path}/${name}.json`)),
  ) as [string, string];
  // Newer than any run by their names; these were killed, or are torn.
  await file("9-killed", "plan", plan);
  await file("9-torn", "plan", plan.slice(0, 300));
  await file("9-torn", "summary", "{");
  await file("9-torn-plan", "plan", plan.slice(0, 300));
  await file("9-torn-plan", "summary", "{}");
  await file("9-other-shape", "plan", '{"nodes":[{"stage":"toy_evaluate"},3]}');
  await file("9-other-shape", "summary", "{}");
  await Deno.mkdir(`${runs}/9-folder/summary.json`, { recursive: true });
  assert.match(only(await run(folder, ["weights=[0.5]"])).message, /depth\.weight 0\.05/);
  for (let i = 0; i < EARLIER_RUNS; i++) {
    await file(`8-${i}`, "plan", JSON.stringify({ ...JSON.parse(plan), nodes: [] }));
    await file(`8-${i}`, "summary", summary);
  }
  assert.deepEqual((await run(folder, ["weights=[0.5]"])).summary.findings, [], "earlier runs are out of reach");
  await file("9-killed", "summary", summary);
  assert.match(only(await run(folder, ["weights=[0.5]"])).message, /depth\.weight 0\.05/, "it has ended");
});

programTest(
  "compareResults() looks at what is done when a gate or a stage fails, and not when stopped",
  async (folder) => {
    const failed = await run(`${folder}/failed`, ["failLast=true"]);
    assert.deepEqual([failed.summary.status, only(failed).node], ["failed", "evaluate_b"]);
    for (const [preset, ...overrides] of [["strict"], ["blocked", "failLast=true"]] as const) {
      const report = await run(`${folder}/${preset}`, overrides, { preset });
      assert.deepEqual([report.summary.status, only(report).node], ["gate failed", "evaluate_b"], preset);
    }
    const stop = new StopFlag();
    const stopped = await run(`${folder}/stopped`, [], {
      stop,
      sink: { finish: (name) => name === "evaluate_b" && stop.stop() },
    });
    assert.deepEqual([stopped.summary.status, stopped.summary.findings], ["stopped", []]);
  },
);

programTest(
  "compareResults() counts only what this run did: a cached result behind a gate is none of it",
  async (folder) => {
    await run(folder);
    await Deno.remove(`${folder}/runs`, { recursive: true });
    const { summary, cached } = await run(folder, [], { preset: "early" });
    assert.deepEqual([summary.status, cached.student_b?.hits, cached.evaluate_b], ["gate failed", 1, undefined]);
    assert.deepEqual(summary.findings, []);
  },
);
