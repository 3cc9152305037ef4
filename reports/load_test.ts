import assert from "node:assert/strict";
import { duckdbTest, runId, writeRun, writeText } from "./_fixtures.ts";
import { mergeTables } from "./evidence.ts";
import { NodeFiles } from "./node_files.ts";
import { openDatabase } from "./sql.ts";
import { readRuns } from "./store.ts";
import { buildTable, emptyTables, type Row } from "./tables.ts";

const keys = [..."abcd"].map((letter) => letter.repeat(64));

/** Three runs that share a teacher; each has a student with another header. */
async function writeCurves(root: string): Promise<void> {
  for (const number of [1, 2, 3]) {
    const nodes = [{ name: "teacher", keys: [keys[0]!] }, { name: "student", keys: [keys[number]!] }];
    await writeRun(root, { run: runId(number), nodes });
  }
  for (const key of keys) await writeText(root, `cache/${key}/result.json`, "{}");
  const curve = (key: string, text: string) => writeText(root, `cache/${key}/training_metrics.csv`, text);
  await curve(keys[0]!, "step,loss,splats\n50,0.5,1000\n100,0.25,2000\n");
  await curve(keys[1]!, 'step,loss,note,run\n16,inf,"a, ""b""",x\n32,,c,y\n');
  await curve(keys[2]!, "step,loss,splats,Splats\r\n16,abc,many,1\r\n32,nan\r\n");
  await curve(keys[3]!, "step,val_psnr,loss\n16,30,0.125\n\n32,31.5,0.0625,9\n64,32,0.1");
}

duckdbTest("openDatabase: files as text give the rows that they give as objects", async (root) => {
  await writeCurves(root);
  const said: string[] = [];
  const tables = await readRuns(root, (message) => said.push(message));
  const database = await openDatabase(tables, { warn: (message) => said.push(message) });
  try {
    const fromFiles = database.query(
      "select run, node, seed, key, step, loss, val_psnr, splats, note from training_metrics",
    );
    const number = (text = "") => text === "" ? null : text === "inf" ? Infinity : Number(text);
    const asRows = ["1 ab", "2 ac", "3 ad"].flatMap((pair) => {
      const [run, ...letters] = pair.replace(" ", "");
      return letters.flatMap((letter) => {
        const node = letter === "a" ? "teacher" : "student";
        const rows = tables.training_metrics.rows.filter((row) => row.key === letter.repeat(16));
        return rows.map((row) => {
          const numbers = [row.step, row.loss, row.val_psnr].map(number);
          return [runId(Number(run)), node, 0, row.key!, ...numbers, row.splats || null, row.note || null];
        });
      });
    });
    const order = (rows: readonly (readonly unknown[])[]) => rows.map((row) => row.map(String).join(" ")).sort();
    assert.deepEqual(order(fromFiles.rows), order(asRows));
    assert.equal(fromFiles.rows.length, 13);
    assert.match(
      said.join("\n"),
      /training_metrics\.loss of run 2.*0002.* holds "abc", which is no number; left empty/,
    );
    assert.match(said.join("\n"), /cache\/d+\/training_metrics\.csv ends in the middle of a line/);
    assert.deepEqual(database.query("select count(*) from training_metrics where note = 'a, \"b\"'").rows, [[1]]);
  } finally {
    database.close();
  }
});

duckdbTest("openDatabase: a query finds columns that no query before it named", async (root) => {
  await writeCurves(root);
  const tables = await readRuns(root, () => {});
  for (const queries of [[], ["select loss, step, val_psnr, note from training_metrics"]]) {
    const database = await openDatabase(() => Promise.resolve(tables), { queries });
    try {
      const ask = (sql: string) => database.query(sql).rows;
      assert.deepEqual(ask("select count(*) from training_metrics"), [[13]]);
      assert.deepEqual(ask("select sum(step) from training_metrics where node = 'student'"), [[
        16 + 32 + 16 + 32 + 48,
      ]]);
      assert.deepEqual(ask("select max(val_psnr), max(step) from training_metrics"), [[31.5, 100]]);
      assert.equal(ask("select * from training_metrics limit 1")[0]?.length, 27 + 2);
      assert.deepEqual(ask("select note from training_metrics where note like 'a%'"), [['a, "b"']]);
      assert.deepEqual(ask("select table_name from information_schema.tables where table_name = 'runs'"), [["runs"]]);
    } finally {
      database.close();
    }
  }
});

duckdbTest(
  "openDatabase: recorded rows appear for every run with their key, others for their own run",
  async (root) => {
    await writeCurves(root);
    const recorded = mergeTables(emptyTables(), await readRuns(root, () => {}), () => {});
    assert.equal(recorded.training_metrics.rows.filter((row) => row.node === "teacher").length, 2);
    const alone: Row = { run: runId(9), node: "teacher", seed: "0", step: "1", loss: "7" };
    const odd: Row = { run: runId(3), node: "teacher", seed: "0", step: "1", loss: "8" };
    const rows = [...recorded.training_metrics.rows, alone, odd];
    const tables = { ...recorded, training_metrics: buildTable("training_metrics", rows, assert.fail) };
    const database = await openDatabase(tables);
    try {
      const sql = "select run, loss from training_metrics where node = 'teacher' order by run, loss";
      assert.deepEqual(database.query(sql).rows, [
        [runId(1), 0.25],
        [runId(1), 0.5],
        [runId(2), 0.25],
        [runId(2), 0.5],
        [runId(3), 8],
        [runId(9), 7],
      ]);
    } finally {
      database.close();
    }
  },
);

duckdbTest("gate_states: a gate is stale where the table says so of its run and node", async (root) => {
  await writeRun(root, { run: runId(1), state: "fail", psnr: "29" });
  await writeRun(root, { run: runId(2), psnr: "31.5", seeds: [0, 1] });
  await writeRun(root, { run: runId(3), scene: "bricks", state: "fail", psnr: "20" });
  // A point of a sweep is newer and counts for nothing here.
  await writeRun(root, { run: runId(4), state: "fail", psnr: "3", sweep: { id: "weights-0123456789", point: 2 } });
  const runs = await readRuns(root, assert.fail);
  const stale = [{ run: runId(2), node: "evaluate", cause: "a.ts moved" }, {
    run: runId(3),
    node: "student",
    cause: "x",
  }];
  const database = await openDatabase({ ...runs, stale: buildTable("stale", stale, assert.fail) });
  try {
    const { rows } = database.query(
      'select run, scene, gate, node, "column", operator, threshold, value, seeds, judged, state, cause ' +
        "from gate_states order by run",
    );
    const gate = ["evaluate.psnr", "evaluate", "psnr", ">=", 30.5];
    assert.deepEqual(rows, [
      [runId(2), "lego400", ...gate, 31.5, 2, "pass", "stale", "a.ts moved"],
      [runId(3), "bricks", ...gate, 20, 1, "fail", "fail", null],
    ]);
    assert.deepEqual(database.query("select run from latest order by run").rows, [[runId(2)], [runId(3)]]);
    assert.deepEqual(database.query("select run, point from runs where sweep like 'weights-%'").rows, [[runId(4), 2]]);
  } finally {
    database.close();
  }
});

duckdbTest("openDatabase: files that a second thread reads give the rows that they give without it", async (root) => {
  const texts = [
    "step,loss,splats\n16,0.30000000000000004,7\n32,1e-7,\n48,,9\n",
    "step,loss\n16,inf\n32,0.5\n",
    "loss,step,note,val_psnr\n0.123456789012345678,16,a,\n0.1,32,b,31\n",
    'step,loss\n"16",0.25\n32,-0\n',
    "step,loss\n16,abc\n32,5e-324\n",
    "step,loss\n16,1\n32,2",
  ];
  const files = Array.from({ length: 620 }, (_, i) => ({
    file: `${i}.csv`,
    key: `${i}`.padStart(64, "0"),
    bytes: undefined,
    origins: [{ run: runId(i), experiment: "one", preset: "default", scene: "s", node: "student", seed: "0" }],
  }));
  for (const [i, { file }] of files.entries()) await writeText(root, file, i < 510 ? texts[0]! : texts[i % 6]!);
  for (const sql of ["select run, step, loss from training_metrics", "select * from training_metrics"]) {
    const ask = async (queries: readonly string[]) => {
      const said: string[] = [];
      const warn = (message: string) => void said.push(message);
      const table = new NodeFiles("training_metrics", root, files, warn).table();
      const database = await openDatabase({ ...emptyTables(), training_metrics: table }, { queries, warn });
      const loaded = said.length > 0;
      try {
        const { columns, rows } = database.query(sql);
        const line = (row: readonly unknown[]) =>
          row.map((cell) => Object.is(cell, -0) ? "-0" : String(cell)).join(" ");
        return { columns, lines: rows.map(line).sort(), said: said.sort(), loaded };
      } finally {
        database.close();
      }
    };
    const [there, here] = [await ask([sql]), await ask([])];
    assert.ok(there.loaded && !here.loaded, "the thread has read them before the query is asked");
    assert.equal(here.lines.length, 510 * 3 + 110 * 2 + 19 - 18);
    assert.deepEqual(there, { ...here, loaded: true });
  }
});
