/** A training and an evaluation on the real device, which is destroyed in the middle of each. */
import assert from "node:assert/strict";
import { parseRows } from "../runner/csv.ts";
import { entryPath, listFiles } from "../runner/paths.ts";
import { readPlan } from "../runner/run_folder.ts";
import { programTest } from "./permissions.ts";
import { command, root } from "./runner/harness.ts";

/** What `losing_run.ts` prints. */
interface Answer {
  readonly status: string;
  readonly error?: string;
  readonly metrics: Readonly<Record<string, { readonly values: readonly number[]; readonly measured?: boolean }>>;
  readonly parameters_sha256: string;
  readonly notes: readonly string[];
  readonly workers: number;
  readonly path: string;
}

async function run(folder: string, ...losses: number[]): Promise<Answer> {
  const output = await command([folder, ...losses.map(String)], `${root}/tests/runner/losing_run.ts`).output();
  const text = new TextDecoder();
  assert.equal(output.code, 0, text.decode(output.stderr));
  const answer: Answer = JSON.parse(text.decode(output.stdout));
  assert.equal(answer.status, "done", answer.error);
  return answer;
}

/** Metrics that are not measured. */
function exact({ metrics }: Answer): Record<string, readonly number[]> {
  return Object.fromEntries(
    Object.entries(metrics).filter(([, { measured }]) => !measured).map(([name, { values }]) => [name, values]),
  );
}

/** Cache folder of a node. */
async function cacheOf(folder: string, answer: Answer, node: string): Promise<string> {
  const plan = await readPlan(answer.path);
  return entryPath({ cache: `${folder}/cache` }, plan?.nodes.find(({ name }) => name === node)?.keys[0] ?? "");
}

/** Rows of the training's table without the column that is measured. */
async function rows(folder: string, answer: Answer): Promise<Record<string, unknown>[]> {
  const text = await Deno.readTextFile(`${await cacheOf(folder, answer, "student")}/training_metrics.csv`);
  return parseRows(text).map(({ seconds: _measured, ...exact }) => exact);
}

programTest(
  "run that lost its device in mid-training and in mid-evaluation ends with the bytes of an undisturbed one",
  async (folder) => {
    // A round of 16 steps with its checkpoint takes about 15 waits, so the first device goes in the third of four rounds; 40
    // waits are past the two rounds that are left to the second one.
    const lost = await run(`${folder}/lost`, 30, 40);
    assert.match(lost.notes[0] ?? "", /^The GPU device was lost at step 48 \(.*destroyed\): going on from step 32 /);
    assert.equal(lost.notes[1], "Going on from step 32");
    assert.match(lost.notes[2] ?? "", /^The GPU device was lost at view \d+ \(.*destroyed\): beginning again /);
    assert.deepEqual([lost.notes.length, lost.workers], [3, 3]);
    const plain = await run(`${folder}/plain`);
    assert.deepEqual([plain.notes, plain.workers], [[], 1]);
    assert.match(lost.parameters_sha256, /^[0-9a-f]{64}$/);
    assert.equal(lost.parameters_sha256, plain.parameters_sha256);
    assert.deepEqual(exact(lost), exact(plain));
    assert.deepEqual(await rows(`${folder}/lost`, lost), await rows(`${folder}/plain`, plain));
    const picture = (answer: Answer) => Deno.readFile(`${answer.path}/evaluate/strip.png`);
    assert.deepEqual(await picture(lost), await picture(plain));
    const left = (await listFiles(`${folder}/lost/cache`)).filter((file) => /claim|checkpoint\/|tmp$/.test(file));
    assert.deepEqual(left, [], "nothing of the lost attempts is left");
  },
);
