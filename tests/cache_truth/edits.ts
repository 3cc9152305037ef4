/**
 * Edits of the small project, each with the nodes that must run again and what `explain` must say. A node that is not named is
 * taken from the cache as "unchanged".
 *
 * Misses that seldom change a result are right by decision: a key holds the text that is left of the code when it is bundled and
 * minified, so the order of functions, imports and keys counts, and text files count byte by byte. All such cases are marked
 * "by decision".
 */

import { CODE_EDITS } from "./code_edits.ts";
import { after, afterFlour, type Edit, edit, harmless } from "./edit.ts";
import { BUMPED, LOCKED, lockOf } from "./project.ts";

const bundled =
  "code: the same files are bundled differently: the imports or compilerOptions of deno.json changed, or Deno did";

const parameters: readonly Edit[] = [
  {
    name: "a parameter changes",
    request: { overrides: ["steps=21", "heat.top=3"] },
    runs: { loaf: "param steps: 20 -> 21", ...after.loaf },
  },
  {
    name: "a number is written otherwise on the command line",
    request: { overrides: ["steps=2e1", "heat.top=3.0"] },
  },
  {
    name: "the order of words on the command line changes",
    request: { overrides: ["heat.top=3", "steps=20"] },
  },
  {
    name: "the order of keys in the overlay changes",
    apply: (project) => project.write("overlay.yaml", "sugar: 0.75\nheat: { bottom: 4 }\n"),
  },
  {
    name: "the order of keys changes in schema and pipeline",
    async apply(project) {
      await project.edit("experiments/toast.ts", /(steps: z.*\n)(\s+rate: z.*\n)/, "$2$1");
      await project.edit(
        "experiments/toast.ts",
        "{ dough, steps: p.steps, rate: p.rate",
        "{ rate: p.rate, dough, steps: p.steps",
      );
      await project.edit(
        "experiments/toast.ts",
        "top: z.number().default(1), bottom: z.number().default(2)",
        "bottom: z.number().default(2), top: z.number().default(1)",
      );
    },
  },
  {
    name: "a value of the overlay changes",
    apply: edit("overlay.yaml", "0.75", "0.5"),
    runs: { jam: "param sugar: 0.75 -> 0.5" },
  },
  {
    name: "a default changes that the command line overrides",
    apply: edit("experiments/toast.ts", "default(10)", "default(11)"),
  },
  {
    name: "a default changes that is used",
    apply: edit(
      "experiments/toast.ts",
      "heat: z.object({ top: z.number().default(1)",
      "heat: z.object({ top: z.number().default(7)",
    ),
    request: { overrides: ["steps=20"] },
    runs: { loaf: "param heat.top: 3 -> 7", ...after.loaf },
  },
  {
    name: "an experiment gets a parameter more",
    apply: edit("experiments/toast.ts", "sugar: z", "salt: z.number().default(1),\n    sugar: z"),
  },
  {
    name: "a stage gets a parameter more",
    apply: edit("stages/bake.ts", "rate: z.number(),", "rate: z.number(),\n    crust: z.number().default(1),"),
    runs: { loaf: "param crust: unset -> 1; code: stages/bake.ts changed", ...after.loaf },
  },
  {
    name: "a parameter of the experiment is renamed",
    async apply(project) {
      await project.edit("experiments/toast.ts", "steps: z", "minutes: z");
      await project.edit("experiments/toast.ts", "p.steps", "p.minutes");
    },
    request: { overrides: ["minutes=20", "heat.top=3"] },
  },
  {
    name: "the preset is renamed",
    apply: edit("experiments/toast.ts", /\btiny\b/g, "small"),
    request: { preset: "small" },
  },
  { name: "a gate changes", apply: edit("experiments/toast.ts", "atLeast(-100)", "atLeast(-200)") },
  { name: "the title changes", apply: edit("experiments/toast.ts", `"Toast"`, `"More toast"`) },
  {
    name: "a node is renamed",
    apply: edit("experiments/toast.ts", `"dough"`, `"paste"`),
    cached: { paste: "not in the last run, but its result is there" },
  },
  {
    name: "a node takes its input from another one",
    async apply(project) {
      await project.edit(
        "experiments/toast.ts",
        "    const jam",
        `    const bun = bake("bun", { dough, steps: 5, rate: p.rate, heat: p.heat });\n    const jam`,
      );
      await project.edit("experiments/toast.ts", "{ loaf }", "{ loaf: bun }");
    },
    runs: { bun: "not in the last run", verdict: "input loaf: node loaf -> node bun" },
  },
  {
    name: "the experiment is moved to another folder",
    apply: (project) => project.move("experiments/toast.ts", "studies/toast.ts"),
    request: { file: "studies/toast.ts" },
  },
];

const data: readonly Edit[] = [
  {
    name: "a byte of data flips, size and time of modification stay",
    async apply(project) {
      const path = project.path("data/table.csv");
      const { atime, mtime } = await Deno.stat(path);
      await project.edit("data/table.csv", "3,4", "5,4");
      await Deno.utime(path, atime as Date, mtime as Date);
    },
    runs: { flour: "data: data/table.csv changed", ...afterFlour },
  },
  {
    name: "data is touched",
    apply: (project) => Deno.utime(project.path("data/table.csv"), 1e9, 1e9),
  },
  {
    name: "a file of a data folder changes",
    apply: edit("data/views/b.txt", "view b", "view B"),
    runs: { flour: "data: data/views changed (b.txt changed)", ...afterFlour },
  },
  {
    name: "a file is added to a data folder",
    apply: (project) => project.write("data/views/more/c.txt", "view c\n"),
    runs: { flour: "data: data/views changed (more/c.txt is new)", ...afterFlour },
  },
  {
    name: "a file of a data folder is renamed",
    apply: (project) => project.move("data/views/a.txt", "data/views/z.txt"),
    runs: { flour: "data: data/views changed (a.txt is gone, z.txt is new)", ...afterFlour },
  },
  {
    name: "data is replaced by a link to the same content",
    apply: (project) => project.link("data/table.csv", "../elsewhere/table.csv"),
  },
  {
    name: "a data folder is replaced by a link to one of the same content",
    async apply(project) {
      for (const name of ["a", "b"]) await project.move(`data/views/${name}.txt`, `elsewhere/views/${name}.txt`);
      await Deno.remove(project.path("data/views"), { recursive: true });
      await project.link("data/views", "../elsewhere/views");
    },
  },
  {
    name: "other data of the same content is named",
    request: { overrides: ["steps=20", "heat.top=3", "table=elsewhere/table.csv"] },
    runs: {
      flour: `param table: "data/table.csv" -> "elsewhere/table.csv"; data: data/table.csv is no longer used; ` +
        "data: elsewhere/table.csv is new",
      ...afterFlour,
    },
  },
];

const surroundings: readonly Edit[] = [
  {
    name: "an npm package gets another version",
    apply: async (project) =>
      project.write("deno.lock", await lockOf(project.stillroom, { ...LOCKED, typical: BUMPED.typical })),
    runs: { loaf: `code: packages typical@${LOCKED.typical} -> typical@${BUMPED.typical}`, ...after.loaf },
  },
  {
    name: "an npm package that no stage reaches gets another version",
    apply: async (project) =>
      project.write("deno.lock", await lockOf(project.stillroom, { ...LOCKED, arrayBack: BUMPED.arrayBack })),
  },
  {
    name: "an npm package is named with its version in the code, and gets another one",
    apply: edit("stages/bake.ts", `from "typical"`, `from "npm:typical@${BUMPED.typical}"`),
    runs: {
      loaf: `code: stages/bake.ts changed, packages typical@${LOCKED.typical} -> typical@${BUMPED.typical}`,
      ...after.loaf,
    },
  },
  {
    name: "an import goes by path instead of the import map",
    apply: edit("stages/taste.ts", `"palette"`, `"../parts/palette_warm.ts"`),
    cached: { verdict: harmless("stages/taste.ts") },
  },
  {
    name: "two names of the import map are swapped, no file changes",
    async apply(project) {
      const text = await project.text("deno.json");
      await project.write("deno.json", text.replace(/warm|cool/g, (name) => name === "warm" ? "cool" : "warm"));
    },
    runs: { verdict: bundled },
  },
  {
    name: "the import map leads to another file",
    apply: edit("deno.json", `"backdrop": "./parts/palette_cool.ts"`, `"backdrop": "./parts/palette_warm.ts"`),
    runs: { verdict: "code: parts/palette_cool.ts changed" },
  },
  {
    name: "other settings of deno.json change",
    apply: edit("deno.json", `"exactOptionalPropertyTypes": true`, `"noUncheckedIndexedAccess": true`),
  },
  { name: "the environment changes", env: { LANG: "de_DE.UTF-8", TZ: "Asia/Tokyo", STILLROOM_EDIT: "1" } },
  {
    name: "another device computes",
    request: { adapter: "real device" },
    runs: {
      dough: "adapter: fake device | nobody | 0 | fake | 1.0 -> real device | nobody | 0 | fake | 1.0",
      ...after.dough,
    },
  },
  {
    name: "the device's driver changes",
    request: { driver: "1.1" },
    runs: {
      dough: "adapter: fake device | nobody | 0 | fake | 1.0 -> fake device | nobody | 0 | fake | 1.1",
      ...after.dough,
    },
  },
  { name: "Deno's version changes and bundles the same (by decision: provenance has it)", request: { deno: "2.99.0" } },
  { name: "the seed changes", request: { seed: 1 }, runs: { loaf: "seed: 0 -> 1", ...after.loaf } },
  { name: "a seed is added", request: { seeds: 2 }, runs: { loaf: "seed: 1 is new", ...after.loaf } },
  { name: "checkpoints are saved more often", request: { checkpointSeconds: 0 } },
  { name: "other rules watch (the command's are no part of a key)", request: { watched: true } },
  {
    name: "what is there is committed",
    async apply(project) {
      const who = ["-c", "user.name=test", "-c", "user.email=test@example.invalid"];
      for (const args of [["init", "--quiet"], ["add", "stages"], [...who, "commit", "--quiet", "-m", "Start"]]) {
        const { code, stderr } = await project.program("git", args);
        if (code !== 0) throw new Error(stderr);
      }
    },
  },
];

/** All edits. */
export const EDITS: readonly Edit[] = [...CODE_EDITS, ...parameters, ...data, ...surroundings];
