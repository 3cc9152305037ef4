import assert from "node:assert/strict";
import fc from "fast-check";
import { duckdbTest } from "./_fixtures.ts";
import { openDatabase, refuse, SqlError } from "./sql.ts";
import { buildTable, emptyTables } from "./tables.ts";

/** The error of a refused query. */
function refusal(sql: string): SqlError {
  try {
    refuse(sql);
  } catch (error) {
    if (error instanceof SqlError) return error;
    throw error;
  }
  throw new Error(`Not refused: ${sql}`);
}

Deno.test("refuse: statements that fetch, write or change settings never reach DuckDB", () => {
  const statements = ["INSTALL json", "load json", "copy runs to 'x'", "ATTACH 'x.db'", "export database 'x'"];
  statements.push("set threads=1", "pragma version", "create table x (a int)", "insert into runs values (1)");
  statements.push("call f()", "drop table runs", "import database 'x'", "checkpoint", "use x", "( install json");
  for (const statement of statements) {
    assert.match(refusal(statement).message, /^Expected a reading statement .* found \w+: reports only read$/);
    assert.match(refusal(`-- select\n/* select */ ${statement}`).message, /Expected a reading statement/);
  }
  assert.match(refusal("select 1; install json").message, /one statement/);
  assert.match(refusal("select E'\\''; install json --'").message, /one statement/);
  assert.match(refusal("/* /* */ select 1 */ install json").message, /comment inside a comment/);
  assert.match(refusal(" \n ").message, /empty/);
});

Deno.test("refuse: what depends on the clock or on chance, naming its line", () => {
  for (const call of ["now()", "current_date", "random ( )", "CURRENT_TIMESTAMP", "uuid()", "get_current_time()"]) {
    const error = refusal(`select 1,\n  ${call}`);
    assert.match(error.message, /gives another answer each time/);
    assert.equal(error.line, 2);
  }
});

Deno.test("refuse: reading statements pass, whatever words stand in strings and comments", () => {
  refuse("select 'install; load now()' -- ; load\n from runs;");
  refuse('with "now()" as (select 1) select * from "now()" /* ; */ ;\n');
  refuse("(select 1) union (select 2)");
  refuse("from runs");
  refuse("select now, random from t");
});

duckdbTest(
  "openDatabase: infinity, text, booleans, gaps and reserved names come out as they are in the file",
  async () => {
    const rows = [
      { run: "1-AA", psnr: "inf", split: 'a, "b" | c', dirty: "true", extra: "1.5" },
      { run: "1-AA", psnr: "-inf", split: "", dirty: "false" },
      { run: "1-AA", psnr: "nan" },
      { run: "1-AA", psnr: "31.2" },
    ];
    const runs = ["1-AA", "2-AB", "3-AC"].map((run) => ({ run, experiment: "e", params_hash: run < "3" ? "x" : "y" }));
    const texts = fc.sample(fc.string({ unit: fc.constantFrom(..."\"',;|\\ \t\r\n#NULé∞𝄞a1") }), {
      numRuns: 300,
      seed: 1,
    });
    const params = texts.map((value, i) => ({ run: "1-AA", key: String(i), value }));
    const tables = {
      ...emptyTables(),
      runs: buildTable("runs", runs, assert.fail),
      params: buildTable("params", params, assert.fail),
      evaluations: buildTable("evaluations", rows, assert.fail),
    };
    const database = await openDatabase(tables);
    try {
      const query = (sql: string) => database.query(sql).rows;
      assert.deepEqual(query("select psnr, split, dirty, extra from evaluations"), [
        [Infinity, 'a, "b" | c', true, 1.5],
        [-Infinity, null, false, null],
        [NaN, null, null, null],
        [31.2, null, null, null],
      ]);
      const kept = texts.map((text) => [text.replace(/\r\n|\r|\n/g, " ") || null]);
      assert.deepEqual(query("select value from params order by key::integer"), kept);
      assert.deepEqual(query("select run from latest order by run"), [["2-AB"], ["3-AC"]]);
      assert.deepEqual(query('select "column" from metrics'), []);
      assert.deepEqual(
        query(
          "select count(*), sum(1), 1.25::decimal(6, 2), date '2026-08-01', timestamp '2026-08-01 10:00:00' from runs",
        ),
        [[3, 3, 1.25, "2026-08-01", "2026-08-01T10:00:00.000Z"]],
      );
      assert.deepEqual(database.query("select 1 as a, 2 as a"), { columns: ["a", "a"], rows: [[1, 2]] });

      const failure = (sql: string) => {
        try {
          database.query(sql);
        } catch (error) {
          if (error instanceof SqlError) return [error.line, error.message] as const;
        }
        throw new Error(`No SqlError: ${sql}`);
      };
      const [line, message] = failure("select\n  run,\n  pnsr\nfrom evaluations");
      assert.equal(line, 3);
      assert.match(message, /^Binder Error: Referenced column "pnsr" not found/);
      assert.match(failure("select 1 ~~~ from")[1], /^Parser Error/);
      assert.match(failure("select [1] as list")[1], /Column list has type .*: cast it to varchar/);
      assert.match(failure("with x as (select 1) insert into runs select * from runs")[1], /read-only/);
      assert.match(failure("select * from read_json('x.json')")[1], /not in the catalog/);
      assert.match(failure("select * from read_csv('deno.json')")[1], /disabled by configuration/);
      assert.equal(query("select count(*) from runs")[0]?.[0], 3, "still usable after errors");
    } finally {
      database.close();
    }
  },
);
