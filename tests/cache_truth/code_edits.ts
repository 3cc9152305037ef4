/** Edits of code, shaders included. */

import { after, afterFlour, type Edit, edit, harmless } from "./edit.ts";

/** In the order of what they touch: helpers, constants, order, shaders, names of files. */
export const CODE_EDITS: readonly Edit[] = [
  {
    name: "a comment is added",
    apply: edit("parts/reading.ts", "function parse", "// Reads a cell.\nfunction parse"),
    cached: { flour: harmless("parts/reading.ts") },
  },
  {
    name: "code is formatted otherwise",
    apply: edit(
      "parts/oven.ts",
      "{ upper: 1, middle: 2, lower: 3 }",
      "{\n  'upper': 1,\n  'middle': 2,\n  'lower': 3\n}",
    ),
    cached: { loaf: harmless("parts/oven.ts") },
  },
  {
    name: "a local variable is renamed",
    apply: edit("parts/reading.ts", /\bfound\b/g, "column"),
    cached: { flour: harmless("parts/reading.ts") },
  },
  {
    name: "a private function is renamed",
    apply: edit("parts/oven.ts", /\bwarm\b/g, "heated"),
    cached: { loaf: harmless("parts/oven.ts") },
  },
  {
    name: "an exported function is renamed where it is made and where it is used",
    async apply(project) {
      await project.edit("parts/reading.ts", "columnOf", "firstColumn");
      await project.edit("stages/sift.ts", /columnOf/g, "firstColumn");
    },
    cached: { flour: harmless("parts/reading.ts", "stages/sift.ts") },
  },
  {
    name: "a type changes",
    apply: edit("parts/reading.ts", "readonly value: number;", "readonly value: number;\n  readonly unit?: string;"),
    cached: { flour: harmless("parts/reading.ts") },
  },
  {
    name: "an unused export is added",
    apply: edit("parts/constants.ts", /$/, "\n/** Nobody's. */\nexport const PEPPER = 'black';\n"),
    cached: { dough: harmless("parts/constants.ts") },
  },
  {
    name: "an unused export changes",
    apply: edit("parts/reading.ts", `";"`, `"|"`),
    cached: { flour: harmless("parts/reading.ts") },
  },
  {
    name: "an unused file is added",
    apply: (project) => project.write("parts/unused.ts", "export const FOLDS = 7;\n"),
  },
  {
    name: "an unused function is added",
    apply: edit("parts/oven.ts", /$/, "\nfunction cold(): number {\n  return -warm(1);\n}\n"),
    cached: { loaf: harmless("parts/oven.ts") },
  },
  {
    name: "a branch is added that is never taken",
    apply: edit("parts/oven.ts", "return heat * 2;", "if (false) return 0;\n  return heat * 2;"),
    cached: { loaf: harmless("parts/oven.ts") },
  },
  {
    name: "a constant changes",
    apply: edit("parts/constants.ts", "1e3", "2e3"),
    runs: { dough: "code: parts/constants.ts changed", ...after.dough },
  },
  {
    name: "a constant is written otherwise",
    apply: edit("parts/constants.ts", "1e3", "1_000"),
    cached: { dough: harmless("parts/constants.ts") },
  },
  {
    name: "a string changes",
    apply: edit("parts/constants.ts", "sea", "rock"),
    runs: { dough: "code: parts/constants.ts changed", ...after.dough },
  },
  {
    name: "an operator changes in a private function of a helper",
    apply: edit("parts/oven.ts", "heat * 2", "heat + 2"),
    runs: { loaf: "code: parts/oven.ts changed", ...after.loaf },
  },
  {
    name: "a comment in one file and a constant in another change",
    async apply(project) {
      await project.edit("parts/oven.ts", "/** Levels", "/** All levels");
      await project.edit("parts/doors.ts", "DOORS = 2", "DOORS = 3");
    },
    runs: { loaf: "code: parts/doors.ts, parts/oven.ts changed", ...after.loaf },
  },
  {
    name: "the order of functions changes (by decision)",
    apply: edit("parts/reading.ts", /(\/\*\* The first column[^]*?\n}\n)\n(function parse[^]*?\n}\n)/, "$2\n$1"),
    runs: { flour: "code: parts/reading.ts changed", ...afterFlour },
  },
  {
    name: "the order of an object's keys changes (by decision: whoever goes through them sees it)",
    apply: edit("parts/oven.ts", "upper: 1, middle: 2", "middle: 2, upper: 1"),
    runs: { loaf: "code: parts/oven.ts changed", ...after.loaf },
  },
  {
    name: "the order of imports changes (by decision: modules run in this order)",
    apply: edit("stages/taste.ts", /(import backdrop.*\n)(import palette.*\n)/, "$2$1"),
    runs: { verdict: "code: stages/taste.ts changed" },
  },
  {
    name: "the order of names in an import changes",
    apply: edit("stages/bake.ts", "{ brown, LEVELS }", "{ LEVELS, brown }"),
    cached: { loaf: harmless("stages/bake.ts") },
  },
  {
    name: "a stage exports something more (by decision: every export of its own file counts)",
    apply: edit("stages/cook.ts", /$/, "\nexport const SPOONS = 2;\n"),
    runs: { jam: "code: stages/cook.ts changed" },
  },
  {
    name: "lines of code end in CRLF",
    apply: edit("parts/reading.ts", /\n/g, "\r\n"),
    cached: { flour: harmless("parts/reading.ts") },
  },
  {
    name: "a rule that a stage names changes (by decision: it is part of the stage's module)",
    apply: edit("rules/burnt.ts", "1e9", "1e8"),
    runs: { verdict: "code: rules/burnt.ts changed" },
  },
  {
    name: "the constant of a shader changes",
    apply: edit("shaders/knead.wgsl", "3u", "4u"),
    runs: { dough: "code: shaders/knead.wgsl changed", ...after.dough },
  },
  {
    name: "a comment of a shader changes (by decision: text counts byte by byte)",
    apply: edit("shaders/knead.wgsl", "once", "twice"),
    runs: { dough: "code: shaders/knead.wgsl changed", ...after.dough },
  },
  {
    name: "lines of a shader end in CRLF (by decision: text counts byte by byte)",
    apply: edit("shaders/knead.wgsl", /\n/g, "\r\n"),
    runs: { dough: "code: shaders/knead.wgsl changed", ...after.dough },
  },
  {
    name: "a stage's file is renamed",
    async apply(project) {
      await project.move("stages/taste.ts", "stages/judge.ts");
      await project.edit("experiments/toast.ts", "taste.ts", "judge.ts");
    },
    cached: { verdict: "unchanged (stages/taste.ts is now stages/judge.ts)" },
  },
  {
    name: "a stage's file is moved and changed",
    async apply(project) {
      await project.move("stages/cook.ts", "kitchen/cook.ts");
      await project.edit("kitchen/cook.ts", "value: sugar", "value: sugar * 2");
      await project.edit("experiments/toast.ts", "../stages/cook.ts", "../kitchen/cook.ts");
    },
    runs: { jam: "code: kitchen/cook.ts, stages/cook.ts changed" },
  },
  {
    name: "a shader is renamed",
    async apply(project) {
      await project.move("shaders/knead.wgsl", "shaders/press.wgsl");
      await project.edit("stages/knead.ts", "knead.wgsl", "press.wgsl");
    },
    cached: {
      dough: harmless("stages/knead.ts").replace(/\)$/, "; shaders/knead.wgsl is now shaders/press.wgsl)"),
    },
  },
];
