import assert from "node:assert/strict";
import { fileTest } from "../../tests/permissions.ts";
import { readStates, ScheduleLog } from "./schedule_log.ts";

const header = "file,due,started,finished,outcome,code,seconds\n";
const now = new Date("2027-01-02T00:00Z");
const due = (hour: number) => new Date(Date.UTC(2027, 0, 1, hour));

/** The state that rows of one file lead to: `hour outcome`. */
function state(...rows: string[]) {
  const lines = rows.map((row) => {
    const [hour, outcome] = row.split(" ");
    return `a.yaml,${due(Number(hour)).toISOString()},,,${outcome},,\n`;
  });
  return readStates(header + lines.join(""), now).get("a.yaml");
}

Deno.test("readStates(): what is open is what was started and did not end", () => {
  assert.equal(state(), undefined);
  assert.deepEqual(state("1 watched"), { handled: due(1), disabled: false });
  assert.deepEqual(state("2 started"), { handled: due(2), disabled: false, open: { due: due(2), unnoticed: true } });
  for (const end of ["done", "failed"]) {
    assert.deepEqual(state("2 started", `2 ${end}`), { handled: due(2), disabled: false });
  }
  for (const end of ["stopped", "interrupted"]) {
    const open = { due: due(2), unnoticed: false };
    assert.deepEqual(state("2 started", `2 ${end}`), { handled: due(2), disabled: false, open });
    assert.deepEqual(state("2 started", "4 overlap", `2 ${end}`, "5 missed"), {
      handled: due(5),
      disabled: false,
      open,
    });
  }
  assert.deepEqual(state("2 started", "3 watched"), {
    handled: due(3),
    disabled: false,
    open: { due: due(2), unnoticed: true },
  });
});

Deno.test("readStates(): disabled lasts until it is watched again", () => {
  assert.deepEqual(state("2 started", "3 disabled"), { handled: due(3), disabled: true });
  assert.deepEqual(state("2 started", "3 disabled", "2 done"), { handled: due(3), disabled: true });
  assert.deepEqual(state("3 disabled", "4 watched"), { handled: due(4), disabled: false });
});

Deno.test("readStates() passes over rows that cannot be read or lie in the far future", () => {
  const rows = `a.yaml,yesterday,,,done,,\n,2027-01-01T00:00:00Z,,,done,,\nb.yaml,2027-01-04T00:00:00Z,,,done,,\ntorn`;
  assert.equal(readStates(header + rows, now).size, 0);
  assert.equal(readStates("", now).size, 0);
});

fileTest("ScheduleLog appends rows that it reads again", async (folder) => {
  const path = `${folder}/log.csv`;
  const first = new ScheduleLog(path, now);
  assert.equal(first.state("sweeps/a, b.yaml"), undefined);
  first.append({ file: "sweeps/a, b.yaml", due: due(3), started: due(4), outcome: "started" });
  first.close();
  await Deno.writeTextFile(path, "sweeps/a, b", { append: true });
  const second = new ScheduleLog(path, now);
  const open = { due: due(3), unnoticed: true };
  assert.deepEqual(second.state("sweeps/a, b.yaml"), { handled: due(3), disabled: false, open });
  second.append({
    file: "c",
    due: due(5),
    started: due(5),
    finished: due(6),
    outcome: "failed",
    code: 2,
    seconds: 3600,
  });
  second.close();
  const last = (await Deno.readTextFile(path)).trimEnd().split("\n").at(-1);
  assert.equal(last, "c,2027-01-01T05:00:00.000Z,2027-01-01T05:00:00.000Z,2027-01-01T06:00:00.000Z,failed,2,3600");
});
