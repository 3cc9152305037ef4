import assert from "node:assert/strict";
import { duckdbTest, runId, writeRun, writeText } from "../reports/_fixtures.ts";
import { mergeTables, readRuns, writeEvidence } from "../reports/mod.ts";
import { emptyTables } from "../reports/tables.ts";
import type { QueryArguments } from "./query_arguments.ts";
import { csvText, jsonText, queryCommand, tableText } from "./query_command.ts";
import { Paint } from "./table.ts";

/** Asks; gives the exit code, the answer and what else was said. */
async function ask(root: string, sql: string, more: Partial<QueryArguments> = {}) {
  const out: string[] = [], error: string[] = [];
  const args = { schema: false, csv: false, json: false, table: false, limit: 50, evidence: false, ...more };
  const code = await queryCommand({ action: "query", words: sql === "" ? [] : [sql], ...args }, {
    root,
    out: (text) => out.push(text),
    error: (line) => error.push(line),
    input: () => Promise.resolve("select count(*) as n from runs"),
  });
  return { code, out: out.join("\n"), error: error.join("\n") };
}

const result = {
  columns: ["run", "psnr", "note", "psnr"],
  rows: [["a", 1 / 3, 'x, "y"\nz', Infinity], ["b", -0.000012345678, null, NaN], ["c", 1234567.5, true, 7]],
};

Deno.test("csvText and jsonText: every digit, infinity as inf, gaps, a name twice", () => {
  assert.equal(
    csvText(result),
    'run,psnr,note,psnr\na,0.3333333333333333,"x, ""y"" z",inf\nb,-0.000012345678,,nan\nc,1234567.5,true,7',
  );
  assert.deepEqual(JSON.parse(jsonText(result)), [
    { run: "a", psnr: 1 / 3, note: 'x, "y"\nz', psnr_2: "inf" },
    { run: "b", psnr: -0.000012345678, note: null, psnr_2: "nan" },
    { run: "c", psnr: 1234567.5, note: true, psnr_2: 7 },
  ]);
  assert.equal(jsonText({ columns: ["a"], rows: [] }), "[]");
});

Deno.test("tableText: numbers short and to the right, text in one line, the rest counted", () => {
  const plain = new Paint(false);
  assert.equal(
    tableText(result, 2, plain),
    [
      "run       psnr  note      psnr",
      'a     0.333333  x, "y" z   inf',
      "b    -1.235e-5             nan",
      "2 of 3 rows; --limit N shows more, --csv all",
    ].join("\n"),
  );
  assert.match(tableText({ columns: ["t"], rows: [["é".repeat(200)]] }, 5, plain), /^t\né{79}…$/);
  assert.equal(tableText({ columns: ["a", "b"], rows: [] }, 5, plain), "a  b\nNo rows");
});

duckdbTest("queryCommand: asks the runs or the evidence, and says what went wrong", async (root) => {
  const none = await ask(root, "select run from runs");
  assert.deepEqual([none.code, none.out], [0, "run\nNo rows"]);
  assert.match(none.error, /^note: there are no runs in runs\/ yet: .* --evidence$/);

  const directory = await writeRun(root, { run: runId(1), psnr: "inf" });
  await writeEvidence(root, mergeTables(emptyTables(), await readRuns(root, assert.fail), assert.fail));
  await writeRun(root, { run: runId(2), psnr: "30.125" });
  await writeText(root, `${directory}/evaluate/evaluations.csv`, "split,psnr\ntest,inf\ntest,3");
  const sql = "select run, psnr from evaluations order by run";
  const csv = await ask(root, sql, { csv: true });
  assert.deepEqual([csv.code, csv.out], [0, `run,psnr\n${runId(1)},inf\n${runId(2)},30.125`]);
  assert.match(csv.error, /^note: .*evaluations\.csv ends in the middle of a line; that line was left out$/);
  assert.deepEqual(JSON.parse((await ask(root, sql, { json: true, evidence: true })).out), [
    { run: runId(1), psnr: "inf" },
  ]);
  assert.equal((await ask(root, "-", { csv: true })).out, "n\n2");
  assert.equal(
    (await ask(root, "select count(*) > 0 as now from runs where now() > '2000-01-01'", { csv: true })).code,
    0,
  );

  const refused = async (sql: string) => {
    const { code, out, error } = await ask(root, sql);
    assert.deepEqual([code, out], [2, ""], sql);
    return error;
  };
  assert.match(
    await refused("select pnsr from evaluations"),
    /"pnsr" not found.*: did you mean psnr\?; --schema evaluations/,
  );
  assert.match(await refused("select 1 from evalutions"), /evalutions does not exist: did you mean evaluations\?$/);
  assert.match(await refused("select run,\n  nope\nfrom runs"), /^Error: line 2 of the query, nope: Binder Error/);
  assert.match(await refused("drop table runs"), /Expected a reading statement/);
  assert.match(await refused("select * from read_text('/etc/hostname')"), /disabled by configuration/);
  assert.match(await refused("with a as (select 1) insert into runs select * from runs"), /read-only/);
  await assert.rejects(ask(root, ""), { name: "UsageError", message: /Expected a query/ });
  await assert.rejects(ask(root, sql, { csv: true, json: true }), { name: "UsageError", message: /found several/ });
});

Deno.test("queryCommand --schema: lists tables, or a table's columns with what is measured", async () => {
  const tables = await ask("/nowhere", "", { schema: true });
  assert.match(tables.out, /^gate_states +view +15 +One gate/m);
  assert.match(tables.out, /^training_metrics +table +\d+ +One noted step/m);
  const columns = await ask("/nowhere", "evaluations", { schema: true });
  assert.match(
    columns.out,
    /^evaluations: One evaluation of one seed on one split\n\ncolumn +type +measured +meaning\n/,
  );
  assert.match(columns.out, /^fps +number +measured +views per second$/m);
  const json = JSON.parse((await ask("/nowhere", "latest", { schema: true, json: true })).out);
  assert.deepEqual(json[0].column, "run");
  await assert.rejects(ask("/nowhere", "evaluatons", { schema: true }), {
    name: "UsageError",
    message: /There is no table evaluatons: did you mean evaluations\?/,
  });
});
