/** The old failure through distillation: students that learn nothing are named by two rules, healthy ones by none. */
import assert from "node:assert/strict";
import type { Finding } from "../runner/diagnosis.ts";
import { parseRows } from "../runner/csv.ts";
import { readPlan } from "../runner/run_folder.ts";
import { programTest } from "./permissions.ts";
import { stillroom } from "./runner/harness.ts";

interface Answer {
  readonly path: string;
  readonly status: string;
  readonly metrics: Readonly<Record<string, number>>;
  readonly findings: readonly Pick<Finding, "rule" | "severity" | "node" | "message">[];
}

/** A scene, a teacher and students that are ready in seconds. */
const SMALL = [
  ...["--preset", "tiny", "--no-check", "size=32", "test_views=3", "fit.steps=120", "fit.cap=1000", "fit.initial=1000"],
  ...["fit.degree=1", "fit.eval_every=0", "sampled=2", "teach_views=8", "student.steps=96"],
  ...["student.batch_samples=2048", "student.eval_every=48", "model.log2_entries=12", "model.levels=8"],
];

async function run(folder: string, experiment: string, ...words: string[]) {
  const { code, out, err } = await stillroom(
    folder,
    "run",
    `experiments/${experiment}.ts`,
    ...SMALL,
    ...words,
    "--json",
  );
  assert.equal(code, 0, out + err);
  const answer = JSON.parse(out) as Answer;
  const read = async (file: string) =>
    JSON.parse(await Deno.readTextFile(`${answer.path}/${file}`)) as { findings: Finding[] };
  return { answer, err, summary: await read("summary.json") };
}

const NODES = ["evaluate_depth_005", "evaluate_depth_050"];

programTest(
  "students whose samples miss the object are named by two rules, healthy ones by none",
  async (folder, t) => {
    await t.step(
      "blank_student: blank-render in both trainings and evaluations, identical-plateau in the pair",
      async () => {
        const { answer, err, summary: { findings } } = await run(folder, "blank_student");
        const { metrics } = answer;
        for (const node of NODES) {
          assert.equal(metrics[`${node}.psnr`], metrics[`${node}.psnr_white`], "a blank render scores all-white");
        }
        const wanted = [
          ["blank-render", "critical", "depth_005"],
          ["blank-render", "critical", NODES[0]],
          ["blank-render", "critical", "depth_050"],
          ["blank-render", "critical", NODES[1]],
          ["identical-plateau", "critical", NODES[1]],
        ];
        const named = (found: Answer["findings"]) => found.map(({ rule, severity, node }) => [rule, severity, node]);
        assert.deepEqual(named(findings), wanted, "in summary.json");
        assert.deepEqual(named(answer.findings), wanted, "with --json");
        assert.deepEqual(answer.findings.map(({ message }) => message), findings.map(({ message }) => message));

        const plan = await readPlan(answer.path);
        for (const name of ["depth_005", "depth_050"]) {
          assert.equal(metrics[`${name}.samples_per_second`], 0, "no ray meets the object");
          const key = plan?.nodes.find((node) => node.name === name)?.keys[0];
          for (const row of parseRows(await Deno.readTextFile(`${folder}/cache/${key}/training_metrics.csv`))) {
            const compared = ["samples_per_ray", "depth_valid_fraction", "depth_loss", "teacher_depth_mean"];
            assert.deepEqual(compared.map((column) => row[column]), [0, 0, "", ""], "no ray is compared by depth");
          }
        }

        const [light, first, heavy, second, plateau] = findings as [Finding, Finding, Finding, Finding, Finding];
        for (const { message } of [light, heavy]) {
          assert.match(message, /^All renders of the last 2 looks, up to step 96, are one flat colour/);
        }
        const flat = /^All 3 renders are one flat colour \(largest deviation 0\.00000, below 1\/255\)$/;
        for (const [blank, node] of [[first, NODES[0]], [second, NODES[1]]] as const) {
          assert.match(blank.message, flat);
          const views = parseRows(await Deno.readTextFile(`${answer.path}/${node}/evaluation_views.csv`));
          assert.deepEqual(blank.evidence, views.map(({ view, psnr }) => ({ view, psnr, deviation: 0 })));
          assert.equal(blank.docs, "docs/rules.md#blank-render");
        }
        assert.match(
          plateau.message,
          /^depth_005 \(depth\.weight 0\.05\) and depth_050 \(depth\.weight 0\.5\) score the same in each of 3 views \([\d.]+ dB\): the parameter does not reach the picture$/,
        );
        assert.deepEqual(
          plateau.evidence,
          first.evidence.map(({ view, psnr }) => ({ view, depth_005: psnr, depth_050: psnr })),
        );
        assert.equal(plateau.docs, "docs/rules.md#identical-plateau");

        for (const { rule, node, message, suggestion, docs } of findings) {
          const line = `CRITICAL ${rule} in ${node} seed 0: ${message}\n  try: ${suggestion}\n  see: ${docs}`;
          assert.ok(err.includes(line), `the terminal must say: ${line}`);
        }
      },
    );

    await t.step(
      "blank_student with near as the scene has it: nothing is blank, and the weight reaches the picture",
      async () => {
        const { answer, summary } = await run(folder, "blank_student", "near=2");
        assert.deepEqual([summary.findings, answer.findings], [[], []]);
        for (const node of NODES) {
          assert.ok(
            answer.metrics[`${node}.psnr_over_constant`]! > 3,
            JSON.stringify(answer.metrics),
          );
        }
        assert.notEqual(answer.metrics[`${NODES[0]}.psnr`], answer.metrics[`${NODES[1]}.psnr`]);
      },
    );
  },
);
