import assert from "node:assert/strict";
import fc from "fast-check";
import { fileTest } from "../../tests/permissions.ts";
import { parseScalar } from "../scalar.ts";
import type { Space } from "./space.ts";
import { SweepFolder, sweepId, type SweepPointRow, valueText } from "./sweep_folder.ts";
import type { SweepDefinition } from "./sweep_spec.ts";

const space: Space = [{ kind: "choice", key: "a.b", values: [] }, {
  kind: "float",
  key: "x",
  low: 0,
  high: 1,
  log: false,
}];

const json = fc.oneof(
  fc.string(),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((x) => x === 0 ? 0 : x),
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
  fc.array(fc.oneof(fc.string(), fc.integer()), { maxLength: 3 }),
  fc.constantFrom("true", "null", "1e3", "[a, b]", '"quoted"', "a,b", " x", "", "inf", "é", "a: b"),
);

Deno.test("valueText gives text that parseScalar reads as the same value", async () => {
  await fc.assert(
    fc.asyncProperty(json, async (value) => assert.deepEqual(await parseScalar(await valueText(value)), value)),
    {
      numRuns: 2000,
      seed: 1,
    },
  );
});

fileTest("SweepFolder.points reads what writePoints wrote, and refuses other columns", async (folder) => {
  const sweep = new SweepFolder(folder);
  assert.deepEqual(await sweep.points(space), []);
  const line = fc.string().filter((text) => !/[\r\n]/.test(text)); // a cell is one line
  const rows = fc.array(
    fc.record({ "a.b": fc.oneof(line, fc.integer(), fc.boolean()), x: fc.double({ min: 0.1, max: 1, noNaN: true }) }, {
      noNullPrototype: true,
    }),
    {
      maxLength: 8,
    },
  );
  await fc.assert(
    fc.asyncProperty(rows, async (values) => {
      const written = values.map((item, i): SweepPointRow => ({
        point: i,
        trial: i % 3,
        wave: Math.floor(i / 2),
        ...(i % 2 === 1 ? { budget: 10 * i } : {}),
        values: item,
      }));
      await sweep.writePoints(space, written);
      assert.deepEqual(await sweep.points(space), written);
    }),
    { numRuns: 60, seed: 1 },
  );
  await assert.rejects(
    sweep.points(space.slice(1)),
    /Expected the columns point,trial,wave,budget,x in .*points\.csv, found/,
  );
  await Deno.writeTextFile(`${folder}/points.csv`, "point,trial,wave,budget,a.b,x\n1,0,0,,a,1\n");
  await assert.rejects(sweep.points(space), /Expected point 0 in .*points\.csv, found 1/);
});

fileTest("SweepFolder.record names what is missing", async (folder) => {
  await assert.rejects(new SweepFolder(folder).record(), /found no sweep\.json: start it with deno task sweep/);
});

Deno.test("sweepId is another one for another definition or other code, and the same for the same", () => {
  const definition: SweepDefinition = {
    name: "n",
    experiment: "e.ts",
    set: { a: 1 },
    words: [],
    seeds: 1,
    seed: 0,
    space,
    search: "grid",
    wave: 4,
    search_seed: 0,
    startup: 10,
  };
  const id = sweepId(definition, "c");
  assert.match(id, /^n-[0-9a-f]{10}$/);
  assert.equal(sweepId(structuredClone(definition), "c"), id);
  for (const other of [{ seeds: 2 }, { set: { a: 2 } }, { words: ["b=1"] }, { wave: 5 }, { preset: "p" }]) {
    assert.notEqual(sweepId({ ...definition, ...other }, "c"), id);
  }
  assert.notEqual(sweepId(definition, "d"), id);
});
