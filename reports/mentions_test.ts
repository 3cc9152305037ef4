import assert from "node:assert/strict";
import { mentionedTables } from "./load.ts";
import { namesItsColumns } from "./mentions.ts";

const table = "training_metrics";

Deno.test("namesItsColumns: true where every column that can matter is a word of the query", () => {
  for (
    const sql of [
      "select step, loss from training_metrics where run = 'x' order by step",
      "select count(*) from training_metrics",
      "select count( * ), 2 * loss, loss*2, (loss) * 2 from training_metrics t where t.step > 1 and t.run like '*'",
      "select t.loss from runs r join training_metrics as t using (run) -- select *",
      'with a as (select "loss" from training_metrics) select a.loss * 2 from a',
      "select training_metrics.loss from training_metrics",
      "select 1 from training_metrics limit 1",
    ]
  ) assert.ok(namesItsColumns(sql, table), sql);
});

Deno.test("namesItsColumns: false where columns may be meant without their names", () => {
  for (
    const sql of [
      "select * from training_metrics",
      "select 1, * from training_metrics",
      "select distinct * from training_metrics",
      "select t.* from training_metrics t",
      "from training_metrics",
      "with a as (from training_metrics) select loss from a",
      "select loss from runs union all from training_metrics",
      "table training_metrics",
      "describe training_metrics",
      "summarize training_metrics",
      "select columns(c -> c like 'l%') from training_metrics",
      "select loss from runs natural join training_metrics",
      "select distinct on (run) * from training_metrics",
      "select training_metrics::varchar from training_metrics",
      "select t::varchar from training_metrics t",
      "select count(distinct t) from training_metrics as t",
      'select "t"::varchar, t.loss from training_metrics as t, (select 1) u where t is not null',
      "select loss from runs, training_metrics",
      'select loss from "training_metrics"',
    ]
  ) assert.ok(!namesItsColumns(sql, table), sql);
});

Deno.test("mentionedTables: by word, through views, and all where tables are listed", () => {
  assert.deepEqual([...mentionedTables(["select 1 from runs join GATES using (run)"])].sort(), ["gates", "runs"]);
  assert.deepEqual([...mentionedTables(["from gate_states"])].sort(), ["gates", "runs", "stale"]);
  assert.deepEqual([...mentionedTables(["from latest", "select * from nodes"])].sort(), ["nodes", "runs"]);
  assert.ok(mentionedTables(["show tables"]).size > 10);
  assert.equal(mentionedTables(["select 1"]).size, 0);
});
