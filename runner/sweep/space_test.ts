import assert from "node:assert/strict";
import fc from "fast-check";
import { UsageError } from "../errors.ts";
import type { Json } from "../json.ts";
import { type Axis, axisPoints, axisText, fromUnit, parseAxis } from "./space.ts";

/** As the command line reads a scalar, as far as these tests go. */
function scalar(text: string): Json {
  if (/^[-+]?[\d._]+(e[-+]?\d+)?$/i.test(text)) return Number(text.replaceAll("_", ""));
  if (text === "true" || text === "false") return text === "true";
  if (/^["{]/.test(text)) return JSON.parse(text) as Json;
  if (text.startsWith("[")) return text.slice(1, -1).split(",").map((item) => scalar(item.trim()));
  return text;
}

const parse = (value: Json) => parseAxis("fit.rate", value, scalar);
const choices = (value: Json) => {
  const axis = parse(value);
  assert.equal(axis.kind, "choice");
  return axis.kind === "choice" ? axis.values : [];
};

Deno.test("parseAxis() splits choices at commas outside brackets and quotes", () => {
  assert.deepEqual(choices("1e-3, 0.01,1"), [0.001, 0.01, 1]);
  assert.deepEqual(choices("[colour],[colour,depth]"), [["colour"], ["colour", "depth"]]);
  assert.deepEqual(choices('"a,b",c'), ["a,b", "c"]);
  assert.deepEqual(choices('"a\\",b",c'), ['a",b', "c"]);
  assert.deepEqual(choices('{"a":[1,2]},{"a":[3]}'), [{ a: [1, 2] }, { a: [3] }]);
  assert.deepEqual(choices("true,it's,5'"), [true, "it's", "5'"]);
  assert.deepEqual(choices("adam"), ["adam"]);
});

Deno.test("parseAxis() takes lists as they are, without splitting their texts, and scalars as one choice", () => {
  assert.deepEqual(choices(["a,b", 2, [3, 4], null]), ["a,b", 2, [3, 4], null]);
  assert.deepEqual(choices(0.5), [0.5]);
  assert.deepEqual(choices(false), [false]);
  assert.deepEqual(choices(null), [null]);
});

Deno.test("parseAxis() reads ranges with and without a number of points", () => {
  const key = "fit.rate";
  assert.deepEqual(parse("range(0, 1, 11)"), { kind: "float", key, low: 0, high: 1, log: false, points: 11 });
  assert.deepEqual(parse(" range(-1,1) "), { kind: "float", key, low: -1, high: 1, log: false });
  assert.deepEqual(parse("log(1e-4,1e-1,4)"), { kind: "float", key, low: 1e-4, high: 0.1, log: true, points: 4 });
  assert.deepEqual(parse("int(1,8)"), { kind: "int", key, low: 1, high: 8, log: false });
  assert.deepEqual(parse("int(0,100,5)"), { kind: "int", key, low: 0, high: 100, log: false, points: 5 });
  assert.deepEqual(parse("logint(16,1_024,7)"), { kind: "int", key, low: 16, high: 1024, log: true, points: 7 });
});

Deno.test("parseAxis() says key, finding and remedy of whatever it refuses", () => {
  const refused: [Json, RegExp][] = [
    ["range(0,1", /closing \) in fit\.rate=range\(0,1/],
    ["[a,b", /closing \]/],
    ['"a', /closing "/],
    ["a,,b", /between the commas of fit\.rate=a,,b/],
    ["", /fit\.rate/],
    ["range(0)", /range\(low,high\) or range\(low,high,n\) in fit\.rate=range\(0\): write for example range\(0,1,5\)/],
    ["range(0,1,5,7)", /range\(low,high\)/],
    ["range(0,b,5)", /finite numbers/],
    ["range(1,1,5)", /low < high, found 1 and 1/],
    ["range(-1e308,1e308)", /span/],
    ["range(0,1,1)", /n of 2 to 10000 points, found 1/],
    ["range(0,1,2.5)", /found 2\.5/],
    ["range(0,1,20000)", /found 20000/],
    ["log(0,1,5)", /low > 0 on a logarithmic axis, found 0/],
    ["logint(0,8)", /low > 0/],
    ["int(0.5,2)", /whole numbers, found 0\.5 and 2/],
    ["int(1,3,4)", /at most 3 points/],
    ["range(0,1,3),2", /all of fit\.rate.*list them all/],
    ["1,1.0", /different values for fit\.rate, found 1 twice/],
    [[{ a: 1, b: 2 }, { b: 2, a: 1 }], /found \{"a":1,"b":2\} twice/],
    [[], /at least one value for fit\.rate/],
    [{ low: 1 }, /for fit\.rate, found \{"low":1\}/],
  ];
  for (const [value, message] of refused) {
    assert.throws(
      () => parse(value),
      (error) => error instanceof UsageError && message.test(error.message),
      String(value),
    );
  }
});

Deno.test("axisPoints() are free of float noise, with exact ends", () => {
  assert.deepEqual(axisPoints(parse("range(0,1,11)")), [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]);
  assert.deepEqual(axisPoints(parse("log(1e-4,1e-1,4)")), [1e-4, 1e-3, 1e-2, 1e-1]);
  assert.deepEqual(axisPoints(parse("range(0.1234567890123456,1,2)")), [0.1234567890123456, 1]);
  assert.deepEqual(axisPoints(parse("int(3,6)")), [3, 4, 5, 6]);
  assert.deepEqual(axisPoints(parse("int(0,100,5)")), [0, 25, 50, 75, 100]);
  assert.deepEqual(axisPoints(parse("logint(16,1024,7)")), [16, 32, 64, 128, 256, 512, 1024]);
  assert.deepEqual(axisPoints(parse("logint(1,8,8)")), [1, 2, 3, 4, 6, 8], "those that fall together are given once");
  assert.deepEqual(axisPoints(parse("b,a")), ["b", "a"]);
});

Deno.test("axisPoints() of a continuous axis without n, or of too many whole numbers, says how to write it", () => {
  assert.throws(() => axisPoints(parse("range(0,1)")), /points on fit\.rate, found range\(0,1\).*range\(0,1,5\)/);
  assert.throws(() => axisPoints(parse("int(0,1000000)")), /points on fit\.rate.*int\(0,1000000,5\)/);
});

Deno.test("fromUnit() stays on the axis, includes both ends of whole numbers and gives them equal slices", () => {
  const counts = new Map<Json, number>();
  for (let i = 0; i < 1000; i++) {
    const value = fromUnit(parse("int(1,4)"), i / 1000);
    counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  assert.deepEqual([...counts], [[1, 250], [2, 250], [3, 250], [4, 250]]);
  assert.deepEqual([0, 0.34, 0.99].map((u) => fromUnit(parse("a,b,c"), u)), ["a", "b", "c"]);
  assert.equal(fromUnit(parse("log(1e-4,1)"), 0.5), 0.01);
  assert.equal(fromUnit(parse("range(-2,2)"), 0.25), -1);
  const low = fc.double({ min: 1e-6, max: 1e3, noNaN: true });
  const axis = fc.tuple(low, low, fc.boolean(), fc.boolean()).filter(([a, b]) => a !== b).map(
    ([a, b, log, int]): Axis => {
      const [least, most] = [Math.min(a, b), Math.max(a, b)];
      return int
        ? { kind: "int", key: "k", low: Math.ceil(least), high: Math.ceil(most) + 1, log }
        : { kind: "float", key: "k", low: least, high: most, log };
    },
  );
  fc.assert(fc.property(axis, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (axis, u) => {
    const value = fromUnit(axis, u);
    assert.ok(axis.kind !== "choice" && typeof value === "number" && value >= axis.low && value <= axis.high);
    assert.ok(axis.kind === "float" || Number.isInteger(value));
    assert.deepEqual(parseAxis("k", axisText(axis), scalar), axis);
  }));
});

Deno.test("parseAxis() of any text gives an axis or a UsageError", () => {
  const part = fc.constantFrom(
    "range(",
    "log(",
    "int(",
    "0",
    "1",
    "-3",
    "1e9",
    ",",
    ")",
    "[",
    "]",
    "{",
    "}",
    '"',
    "'",
    " ",
    "a",
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
      try {
        parseAxis("k", parts.join(""), (text) => /^-?\d+(e\d+)?$/.test(text) ? Number(text) : text);
      } catch (error) {
        if (!(error instanceof UsageError)) throw error;
      }
    }),
    { numRuns: 2000 },
  );
});
