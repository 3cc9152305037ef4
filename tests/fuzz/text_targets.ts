/** Readers of text: YAML, parameters, CSV. */

import fc from "fast-check";
import { z } from "zod";
import { LineBuffer } from "../../reports/whole_files.ts";
import { textRows } from "../../reports/cells.ts";
import { formatLine, parseCsv, parseRows } from "../../runner/csv.ts";
import { resolveParameters } from "../../runner/params.ts";
import { parseScalar, parseYaml, yamlReader } from "../../runner/scalar.ts";
import { gridPoints } from "../../runner/sweep/grid.ts";
import { randomPoint } from "../../runner/sweep/random_search.ts";
import { parseObjective, parseSpace, parseSweep, sweepName } from "../../runner/sweep/sweep_spec.ts";
import { readTable } from "../../runner/table_file.ts";
import { inputText, type Target, textInput } from "./target.ts";

const yamlWords = [
  ..."{ } [ ] , : - ? | > # & * ! % @ ` \" ' \\ \n \t \0".split(" "),
  ...["\n", "  ", ": ", "- ", "---\n", "...\n", "\n- - - ", "&a ", "*a ", "&a [*a]", "<<: *a\n", "? ", "|2-\n", ">+\n"],
  ...["!!binary ", "!!set ", "!!omap ", "!!timestamp ", "!<tag:yaml.org,2002:js/function> ", "%YAML 1.1\n---\n"],
  ...[
    "__proto__",
    "constructor",
    "prototype",
    "toString",
    "1e999",
    "0x",
    "0o7",
    ".nan",
    "-.inf",
    "~",
    "null",
    "\ufeff",
  ],
  ...["9".repeat(400), "\u2028", "\ud800", "é", "😀", '"\\u0000"', '"\\x"', "a: b: c", "key=value", "__proto__.x=1"],
];

const yamlText = fc.oneof(
  fc.array(fc.oneof(fc.constantFrom(...yamlWords), fc.string({ maxLength: 6 })), { maxLength: 40 })
    .map((words) => words.join("")),
  fc.json({ maxDepth: 6 }),
  fc.string({ unit: "binary", maxLength: 60 }),
);

/** `a: &a [x, ...]`, `b: &b [*a, *a, ...]` and so on: each level means ten times the one before. */
function laughs(levels: number, each = 10): string {
  const lines = ["a0: &a0 [lol, lol]"];
  for (let i = 1; i <= levels; i++) lines.push(`a${i}: &a${i} [${Array(each).fill(`*a${i - 1}`).join(", ")}]`);
  return lines.join("\n");
}

const nested = [50, 1000, 20_000, 200_000].flatMap((depth) => [
  "[".repeat(depth),
  "[".repeat(depth) + "]".repeat(depth),
  '{"a":'.repeat(depth) + "1" + "}".repeat(depth),
  "{a: ".repeat(depth),
  "- ".repeat(depth),
  "? ".repeat(depth),
  "&a ".repeat(depth),
  "!a ".repeat(depth),
  "  ".repeat(depth) + "a",
  Array.from({ length: Math.min(depth, 900) }, (_, i) => " ".repeat(i) + "a:").join("\n"),
]);

const yamlSpecial = [
  ...[2, 4, 9, 30].map((levels) => laughs(levels)),
  laughs(3, 1000),
  "a: &a [*a]",
  "&a {*a : *a}",
  ...nested,
  "1".repeat(200_000) + "x",
  "1_".repeat(100_000) + "x",
  `"${"a".repeat(500_000)}"`,
  "a".repeat(2_000_000),
  `x: ${"9".repeat(100_000)}`,
  "__proto__: {polluted: 1}",
  '{"__proto__": {"polluted": 1}}',
  "constructor: {prototype: {polluted: 1}}",
  "? [a, b]\n: 1",
  "!!binary aGVsbG8=",
  "!!js/function 'x'",
].map(textInput);

/** `parseYaml` and `parseScalar`. */
export function yamlTarget(): Target {
  return {
    name: "yaml",
    seeds: [
      "steps: 500\ndepth:\n  weight: 0.5\n  alpha: 1e-3\nscene: ../lego # a comment\n",
      "parameters:\n  rate: log(1e-4, 1e-1, 5)\n  kinds: [l1, l2]\n  on: true\nseeds: 3\n",
      "base: &base {a: 1, b: [x, 'y', \"z\"]}\nother: *base\ntext: |\n  two\n  lines\n",
      "[1, 2, {a: ~}]",
    ].map(textInput),
    structured: yamlText.map(textInput),
    dictionary: yamlWords.map(textInput),
    special: yamlSpecial,
    async read(bytes) {
      const text = inputText(bytes);
      // A refused scalar must not hide what the other reader makes of it.
      const [yaml, value] = await Promise.allSettled([parseYaml(text), parseScalar(text)]);
      for (const one of [value, yaml]) if (one.status === "rejected") throw one.reason;
      for (const one of [value, yaml]) if (one.status === "fulfilled") mustBePlain(one.value);
    },
    // The parser of YAML works on strings; what it keeps in buffers is of no size.
    limit: (bytes) => 4096 + 8 * bytes,
  };
}

function mustBePlain(value: unknown): void {
  const text = JSON.stringify(value, (_, item) => {
    const prototype = typeof item === "object" && item !== null ? Object.getPrototypeOf(item) : undefined;
    if (prototype && prototype !== Object.prototype && prototype !== Array.prototype) {
      throw new TypeError(`A value of YAML is no plain data but a ${prototype.constructor?.name}`);
    }
    return item;
  });
  if (text?.includes('"__proto__":')) throw new TypeError("A value of YAML holds the key __proto__");
}

const schema = z.object({
  scene: z.string().default("bricks"),
  steps: z.int().min(1).default(500),
  on: z.boolean().default(false),
  depth: z.object({ weight: z.number().default(0.5), kind: z.enum(["l1", "l2"]).default("l1") }).prefault({}),
  weights: z.array(z.number()).default([1, 2]),
  student: z.discriminatedUnion("kind", [
    z.object({ kind: z.literal("hash"), levels: z.int().default(8) }),
    z.object({ kind: z.literal("kilo"), grid: z.int().default(4) }),
  ]).default({ kind: "hash", levels: 8 }),
  free: z.record(z.string(), z.unknown()).default({}),
  anything: z.unknown().optional(),
});
const presets = { tiny: { steps: 8 }, other: { student: { kind: "kilo", grid: 2 }, free: { a: { b: 1 } } } };
const keys = ["scene", "steps", "on", "depth", "weights", "student", "free", "anything", "kind", "weight", "levels"];
const hostileKeys = ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "", ".", "a.b", "0"];
const someKey = fc.oneof(fc.constantFrom(...keys, ...hostileKeys), fc.string({ maxLength: 4 }));
const WORDS = "\n=words=\n";

/** `resolveParameters`: a YAML overlay, and `key=value` words after the line `=words=`. */
export function parametersTarget(): Target {
  const overlay = fc.dictionary(someKey, fc.jsonValue({ maxDepth: 4 }), { maxKeys: 5 });
  const word = fc.tuple(
    fc.array(someKey, { minLength: 1, maxLength: 4 }),
    fc.oneof(fc.json({ maxDepth: 3 }), yamlText),
  );
  const structured = fc.tuple(overlay, fc.array(word, { maxLength: 4 })).map(([object, words]) =>
    `${JSON.stringify(object)}${WORDS}${words.map(([path, value]) => `${path.join(".")}=${value}`).join("\n")}`
  );
  return {
    name: "parameters",
    seeds: [
      `steps: 20${WORDS}scene=../lego\ndepth.weight=0.25`,
      `student: {kind: kilo, grid: 3}\nfree: {a: {c: 2}}${WORDS}weights=[1, 2.5]\nfree.deep.er=true`,
      `anything: [1, {b: [2]}]${WORDS}on=true\nstudent.levels=4`,
    ].map(textInput),
    structured: structured.map(textInput),
    dictionary: [...yamlWords, ...keys, ...hostileKeys, WORDS, "__proto__.polluted=1", "free.__proto__.polluted=1"]
      .map(textInput),
    special: [
      ...[laughs(9), ...nested].flatMap((text) =>
        [text, `free: ${text}`, `anything: ${text}`].map((one) => one + WORDS)
      ),
      ...nested.slice(0, 6).flatMap((text) => [`${WORDS}free=${text}`, `${WORDS}anything.x=${text}`]),
      `${WORDS}${"free.".repeat(50_000)}a=1`,
      `${WORDS}free.__proto__.polluted=1`,
      `free: {__proto__: {polluted: 1}}${WORDS}`,
      `free: {constructor: {prototype: {polluted: 1}}}${WORDS}free.constructor.prototype.polluted=1`,
      `${WORDS}steps=${"1".repeat(100_000)}x`,
    ].map(textInput),
    async read(bytes) {
      const [yaml = "", words = ""] = inputText(bytes).split(WORDS);
      const preset = bytes.length % 3 === 0 ? "tiny" : bytes.length % 3 === 1 ? "other" : undefined;
      const resolved = await resolveParameters(schema, {
        presets,
        preset: bytes.length < 8 ? "__proto__" : preset,
        overlay: await parseYaml(yaml),
        overrides: words.split("\n").filter((line) => line !== ""),
      });
      mustBePlain(resolved);
    },
    limit: (bytes) => 4096 + 8 * bytes,
  };
}

const sweepKeys = [
  "experiment",
  "parameters",
  "search",
  "trials",
  "objective",
  "halving",
  "slurm",
  "cron",
  "seeds",
  "set",
];
const axes = [
  "range(0,1,5)",
  "log(1e-4,1,3)",
  "int(1,8)",
  "logint(1,1e9,4)",
  "a,b,c",
  "[1,2],[3]",
  "int(0,9007199254740991)",
];

/** A sweep file: its keys, its axes, its objective. */
export function sweepTarget(): Target {
  const axis = fc.oneof(
    fc.constantFrom(...axes),
    fc.tuple(
      fc.constantFrom("range", "log", "int", "logint", "x"),
      fc.array(fc.oneof(fc.double(), fc.json()), { maxLength: 4 }),
    )
      .map(([name, values]) => `${name}(${values.join(",")})`),
    yamlText,
    fc.jsonValue({ maxDepth: 3 }),
  );
  const key = fc.constantFrom(...keys, ...sweepKeys, ...hostileKeys);
  const structured = fc.tuple(
    fc.dictionary(key, axis, { maxKeys: 4 }),
    fc.dictionary(
      key,
      fc.oneof(fc.jsonValue({ maxDepth: 3 }), fc.constantFrom("grid", "tpe", "maximize a.b", "* * * * *")),
      { maxKeys: 4 },
    ),
  ).map(([parameters, rest]) => JSON.stringify({ experiment: "experiments/x.ts", parameters, ...rest }));
  return {
    name: "sweep",
    seeds: [
      "experiment: experiments/x.ts\nparameters:\n  rate: log(1e-4, 1e-1, 5)\n  kind: [l1, l2]\nobjective: maximize evaluate.psnr\n",
      "experiment: experiments/x.ts\nsearch: tpe\ntrials: 40\nparameters:\n  a.b: int(1, 8)\n  c: 'x, \"y, z\", [1, 2]'\n",
      'experiment: x.ts\ncron: "30 2 * * *"\ntimezone: Europe/Berlin\nparameters: {rate: "range(0, 1, 3)"}\nslurm: {time: 30, gres: "gpu:1"}\n',
      "experiment: x.ts\nhalving: {metric: student.val_psnr, min: 10}\nparameters: {a: [true, false], b: 3}\nset: {free: {a: 1}}\n",
    ].map(textInput),
    structured: structured.map(textInput),
    dictionary: [...yamlWords, ...sweepKeys.map((name) => `\n${name}: `), ...axes].map(textInput),
    special: [
      ...nested.map((text) => `experiment: x.ts\nparameters:\n  a: '${text}'`),
      `experiment: x.ts\nparameters:\n  a: ${",".repeat(100_000)}`,
      `experiment: x.ts\nparameters:\n  a: "range(0,1,${"9".repeat(10_000)})"`,
      "experiment: x.ts\nparameters:\n  a: range(0,1,10000)\n  b: range(0,1,10000)\n  c: int(0,9007199254740991)",
      "name: ../../x\nexperiment: x.ts\nparameters: {a: 1}",
      "experiment: x.ts\nparameters: {__proto__: {a: 1}}",
      'experiment: x.ts\ncron: "0 0 31 2 *"\nparameters: {a: 1}',
      'experiment: x.ts\ncron: "* * * * * * * *"\nparameters: {a: 1}',
    ].map(textInput),
    async read(bytes) {
      const settings = parseSweep(await parseYaml(inputText(bytes)), "x.yaml");
      const read = await yamlReader();
      const space = parseSpace(settings.parameters, (text) => /^["'[{\d.+-]/.test(text) ? read(text) : text);
      sweepName(settings, "x.yaml");
      if (settings.objective !== undefined) parseObjective(settings.objective);
      if (settings.search === "grid") gridPoints(space, 0, 5);
      else randomPoint(space, 1, 3);
    },
    limit: (bytes) => 4096 + 64 * bytes,
  };
}

const csvWords = [",", "\n", '"', '""', "\r\n", "\r", "inf", "-inf", "nan", "1e999", "-0", "__proto__", "\0", "\ufeff"];

/** `readTable`, `parseCsv`, `parseRows`, and what reports make of files' text. */
export function csvTarget(folder: string): Target {
  const path = `${folder}/table.csv`;
  const cell = fc.oneof(fc.string({ maxLength: 12 }), fc.double(), fc.constantFrom(...csvWords), fc.constant(null));
  const line = fc.array(cell, { minLength: 1, maxLength: 8 });
  const rows = fc.array(line, { maxLength: 12 }).map((lines) => lines.map(formatLine).join(""));
  const loose = fc.array(fc.oneof(fc.constantFrom(...csvWords), fc.string({ maxLength: 5 })), { maxLength: 60 })
    .map((words) => words.join(""));
  return {
    name: "csv",
    seeds: [
      formatLine(["step", "loss", "note"]) + formatLine([1, 0.5, "a, b"]) + formatLine([2, Infinity, 'say "x"']),
      "view,psnr,psnr_constant\nr_0,31.25,10.675\nr_1,inf,10.5\n",
      "severity,kind,message\nnote,resume,Going on from step 5\n",
    ].map(textInput),
    structured: fc.oneof(rows, loose).map(textInput),
    dictionary: csvWords.map(textInput),
    special: [
      "",
      "\n",
      ",".repeat(100_000) + "\n",
      `a\n${'"'.repeat(100_001)}\n`,
      "a,".repeat(2000) + "\n" + "1,".repeat(2000) + "\n",
      "a\n".repeat(100_000),
      `a\n${"1".repeat(10_000)}x\n`,
      `a\n${"1".repeat(2_000_000)}x\n`,
      `a\n${"1".repeat(399)}x\n`.repeat(200),
      "a,".repeat(100_000) + "\n" + "\n".repeat(100_000),
      `"x"${",a".repeat(3000)}\n${"1\n".repeat(300)}`,
      `__proto__,constructor\n1,2\n`,
    ].map(textInput),
    async read(bytes) {
      const text = inputText(bytes);
      await Deno.writeFile(path, bytes);
      const table = await readTable(path);
      // What follows is only given files that this one takes.
      if (table.length === 0 && text.includes("\n")) return;
      const { columns, rows } = parseCsv(text);
      if (rows.some((row) => row.length !== columns.length)) throw new TypeError("A row is not as long as the header");
      if (parseRows(text).length !== rows.length) throw new TypeError("parseRows() lost a row");
      textRows(text);
      const from = bytes.indexOf(10) + 1;
      if (from > 0) new LineBuffer(64).add(bytes, from, Uint8Array.from(columns, (_, i) => i % 2), 7);
    },
    // LineBuffer keeps three bytes more for each byte of a line, and doubles as it grows.
    limit: (bytes) => 4096 + 32 * bytes,
  };
}
