import assert from "node:assert/strict";
import fc from "fast-check";
import { z } from "zod";
import { UsageError } from "./errors.ts";
import { resolveParameters } from "./params.ts";
import { parseScalar } from "./scalar.ts";

const schema = z.object({
  scene: z.string().default("bricks"),
  steps: z.int().default(5000),
  rate: z.number().default(1e-2),
  flag: z.boolean().default(false),
  exports: z.array(z.string()).default(["colour"]),
  mode: z.enum(["fast", "slow"]).default("fast"),
  limit: z.number().nullable().default(null),
  mixed: z.union([z.string(), z.number()]).default(1),
  free: z.record(z.string(), z.number()).default({}),
  depth: z.object({ weight: z.number().default(0), kind: z.string().default("l1") }).prefault({ weight: 0.5 }),
  nested: z.object({ a: z.object({ b: z.int().default(1), c: z.int().default(2) }).prefault({}) }).prefault({}),
});
const presets = { cpu: { steps: 4000, depth: { kind: "l2" } }, paper: { steps: 50_000 } };
const resolve = (overrides: string[], more: { preset?: string; overlay?: unknown } = {}) =>
  resolveParameters(schema, { presets, overrides, ...more });

Deno.test("resolveParameters() prefers key=value to overlay to preset to default", async () => {
  assert.equal((await resolve([])).steps, 5000);
  assert.equal((await resolve([], { preset: "cpu" })).steps, 4000);
  assert.equal((await resolve([], { preset: "cpu", overlay: { steps: 3 } })).steps, 3);
  assert.equal((await resolve(["steps=2"], { preset: "cpu", overlay: { steps: 3 } })).steps, 2);
});

Deno.test("resolveParameters() merges objects and keeps what a layer does not name", async () => {
  const found = await resolve(["depth.weight=0.2"], { preset: "cpu" });
  assert.deepEqual(found.depth, { weight: 0.2, kind: "l2" });
  assert.deepEqual((await resolve(["depth.kind=l3"])).depth, { weight: 0.5, kind: "l3" });
  assert.deepEqual((await resolve(["nested.a.c=7"])).nested, { a: { b: 1, c: 7 } });
  assert.deepEqual((await resolve(['depth={"weight": 2}'])).depth, { weight: 2, kind: "l1" });
});

Deno.test("resolveParameters() reads numbers, booleans, lists, null and strings as the schema wants them", async () => {
  const found = await resolve([
    "scene=2024",
    "steps=1e3",
    "rate=1e-3",
    "flag=true",
    'exports=["colour", "depth"]',
    "limit=null",
    "mixed=x=y",
    "free.any=3",
  ]);
  assert.deepEqual(
    [found.scene, found.steps, found.rate, found.flag, found.exports, found.limit, found.mixed, found.free],
    ["2024", 1000, 1e-3, true, ["colour", "depth"], null, "x=y", { any: 3 }],
  );
});

Deno.test("resolveParameters() names the nearest key of an unknown one", async () => {
  const cases: [string[], Record<string, unknown>, RegExp][] = [
    [["stpes=3"], {}, /Unknown parameter stpes: did you mean steps\?/],
    [["weight=3"], {}, /did you mean depth\.weight\?/],
    [["wieght=3"], {}, /Unknown parameter wieght: did you mean depth\.weight\?/],
    [["nested.c=3"], {}, /did you mean nested\.a\.c\?/],
    [["depth.wieght=3"], {}, /did you mean depth\.weight\?/],
    [["steps.x=3"], {}, /steps is a single value/],
    [["__proto__.x=3"], {}, /Unknown parameter __proto__\.x/],
    [["constructor=3"], {}, /Unknown parameter constructor/],
    [
      [],
      { overlay: { depth: { wieght: 1 } } },
      /Unknown key depth\.wieght in the --config overlay: did you mean depth\.weight\?/,
    ],
    [[], { overlay: { wieght: 1 } }, /Unknown key wieght in the --config overlay: did you mean depth\.weight\?/],
    [[], { overlay: { dpth: { kind: "l2" } } }, /Unknown key dpth in the --config overlay: did you mean depth\?/],
    [[], { preset: "cpi" }, /Unknown preset cpi: did you mean cpu\?/],
    [[], { preset: "toString" }, /Unknown preset toString/],
  ];
  for (const [words, more, expected] of cases) {
    await assert.rejects(resolve(words, more), (error) => error instanceof UsageError && expected.test(error.message));
  }
});

Deno.test("resolveParameters() names the key of a wrong value", async () => {
  await assert.rejects(resolve(["steps=many"]), /expected number[\s\S]*at steps/);
  await assert.rejects(resolve(["depth.weight=x"]), /at depth\.weight/);
  await assert.rejects(resolve(["mode=slw"]), /"fast"\|"slow"[\s\S]*at mode/);
  await assert.rejects(resolve(["steps=1.5"]), /expected int[\s\S]*at steps/);
  await assert.rejects(resolve([], { overlay: [1] }), /Expected the --config overlay to be a mapping/);
});

Deno.test("resolveParameters() refuses words that are no key=value, and contradictions", async () => {
  await assert.rejects(resolve(["steps"]), /Expected key=value/);
  await assert.rejects(resolve(["=3"]), /Expected key=value/);
  await assert.rejects(resolve(["steps=1", "steps=2"]), /given twice/);
  await assert.rejects(resolve(['depth={"weight": 1}', "depth.kind=l2"]), /the one holds the other/);
  assert.equal((await resolve(["steps=1", "steps=1"])).steps, 1);
});

Deno.test("resolveParameters() names what must be given", async () => {
  const needy = z.object({ path: z.string(), steps: z.int().default(1) });
  await assert.rejects(resolveParameters(needy, { presets: {} }), /at path/);
  const found = await resolveParameters(needy, { presets: {}, overrides: ["path=/data"] });
  assert.deepEqual(found, { path: "/data", steps: 1 });
});

Deno.test("resolveParameters() does not depend on the order of the words", async () => {
  const words = ["steps=3", "depth.weight=0.25", "depth.kind=l2", "flag=true", "nested.a.b=9", "scene=x", "free.q=1"];
  const expected = await resolve(words);
  await fc.assert(fc.asyncProperty(fc.shuffledSubarray(words, { minLength: words.length }), async (shuffled) => {
    assert.deepEqual(await resolve(shuffled), expected);
  }));
});

Deno.test("resolveParameters() gives back every number and every plain string that it is given", async () => {
  await fc.assert(fc.asyncProperty(fc.double({ noNaN: true, noDefaultInfinity: true }), async (value) => {
    assert.equal((await resolve([`rate=${value}`])).rate, value === 0 ? Number(`${value}`) : value);
  }));
  await fc.assert(fc.asyncProperty(fc.stringMatching(/^[A-Za-z0-9_./=:,+-]{1,20}$/), async (value) => {
    assert.equal((await resolve([`scene=${value}`])).scene, value);
  }));
});

Deno.test("parseScalar() reads what JSON writes", async () => {
  await fc.assert(fc.asyncProperty(fc.jsonValue({ maxDepth: 2 }), async (value) => {
    assert.deepEqual(await parseScalar(JSON.stringify(value)), JSON.parse(JSON.stringify(value)));
  }));
});

Deno.test("parseScalar() reads underscores, infinities and quoted numbers", async () => {
  assert.equal(await parseScalar("50_000"), 50_000);
  assert.equal(await parseScalar("-.5e+2"), -50);
  assert.equal(await parseScalar("inf"), Infinity);
  assert.equal(await parseScalar('"12"'), "12");
  assert.equal(await parseScalar("1.2.3"), "1.2.3");
  await assert.rejects(parseScalar("[1, 2"), /Cannot read the value/);
});

Deno.test({
  name: "parseScalar() reads YAML lists and mappings",
  ignore: Deno.permissions.querySync({ name: "env" }).state !== "granted", // the YAML package looks at the environment
  async fn() {
    assert.deepEqual(await parseScalar("[colour, depth]"), ["colour", "depth"]);
    assert.deepEqual(await parseScalar("{weight: 2, kind: l1}"), { weight: 2, kind: "l1" });
    assert.equal(await parseScalar("'it''s'"), "it's");
  },
});
