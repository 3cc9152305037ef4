/** A sweep that is killed at any time, with its points or without them, ends as if undisturbed. */

import assert from "node:assert/strict";
import { formatLine, parseCsv } from "../../runner/csv.ts";
import { MEASURED_COLUMNS } from "../../runner/sweep/trials_table.ts";
import { debris, type Disturbance, type Ended, program, seededRandom } from "../crash/lab.ts";
import { programTest } from "../permissions.ts";

/** Kills in all; half of them leave the processes of the points alive. */
const KILLS = 30;

async function sweep(folder: string, how?: Disturbance): Promise<Ended> {
  const places = ["--cache-dir", `${folder}/cache`, "--runs-dir", `${folder}/runs`, "--sweeps-dir", `${folder}/sweeps`];
  return await program(
    "cli/main.ts",
    ["sweep", "tests/crash/toy_sweep.yaml", "--jobs", "2", "--no-check", ...places],
    how,
  );
}

/** `points.csv`, and `trials.csv` without its measured columns. */
async function tables(folder: string): Promise<string> {
  const [id] = (await Array.fromAsync(Deno.readDir(`${folder}/sweeps`))).map(({ name }) => name);
  const points = await Deno.readTextFile(`${folder}/sweeps/${id}/points.csv`);
  const { columns, rows } = parseCsv(await Deno.readTextFile(`${folder}/sweeps/${id}/trials.csv`));
  const exact = columns.length - MEASURED_COLUMNS.length;
  assert.deepEqual(columns.slice(exact), [...MEASURED_COLUMNS]);
  return [points, ...[columns, ...rows].map((cells) => formatLine(cells.slice(0, exact)))].join("");
}

programTest(
  "sweep that is killed thirty times ends with the points and trials of an undisturbed one",
  async (folder) => {
    const plain = await sweep(`${folder}/plain`);
    assert.equal(plain.code, 0, plain.err);
    const expected = await tables(`${folder}/plain`);
    assert.equal(expected.match(/,done,/g)?.length, 12, expected);
    const random = seededRandom(7);
    let kills = 0, sweeps = 0;
    while (kills < KILLS) {
      const here = `${folder}/${++sweeps}`;
      for (let patience = 1;; patience *= 1.1) { // a slow machine must get further too
        const killAfter = patience * (300 + 2500 * random());
        const { killed, code, err } = await sweep(
          here,
          kills < KILLS ? { killAfter, wholeGroup: kills % 2 === 0 } : {},
        );
        if (killed) {
          kills++;
          continue;
        }
        assert.equal(code, 0, err);
        break;
      }
      assert.equal(await tables(here), expected);
      assert.deepEqual(await debris(here), []);
    }
    console.log(`${kills} kills of ${sweeps} sweeps`);
  },
);
