/** What the documentation names must exist, and what exists must be named: parameters, rules, packages, links, pictures. */
import assert from "node:assert/strict";
import type { z } from "zod";
import { CompareCodecs } from "../stages/compare_codecs.ts";
import { Alpha, Distill, Features, KiloUniform } from "../stages/distill.ts";
import { Distillation } from "../stages/distillation.ts";
import { EncodeGaussians } from "../stages/encode_gaussians.ts";
import { evaluate } from "../stages/evaluate.ts";
import { evaluatePictures } from "../stages/evaluate_pictures.ts";
import { ExportTeacher } from "../stages/export_teacher.ts";
import { Depth } from "../stages/field_training.ts";
import { FitGaussians } from "../stages/fit_gaussians.ts";
import { FitSplats, loadSplats } from "../stages/fit_splats.ts";
import { GaussianImage } from "../stages/gaussian_image.ts";
import { inspectDepth } from "../stages/inspect_depth.ts";
import { LookAround } from "../stages/look_around.ts";
import { MatchLocally } from "../stages/match_locally.ts";
import { PictureSource } from "../stages/pictures.ts";
import { TrainField } from "../stages/train_field.ts";
import { RULES } from "../stages/rules/mod.ts";
import { fileTest } from "./permissions.ts";

const root = new URL("../", import.meta.url);
const read = (path: string) => Deno.readTextFile(new URL(path, root));

async function list(folder: string, ending: string): Promise<string[]> {
  const names: string[] = [];
  for await (const entry of Deno.readDir(new URL(folder, root))) {
    if (entry.isFile && entry.name.endsWith(ending)) names.push(entry.name);
  }
  return names.sort();
}

/** The parameters of an experiment's own, beside those that several share. */
async function parametersOf(experiment: string): Promise<readonly string[]> {
  const { default: { params } } = await import(`../experiments/${experiment}.ts`) as {
    default: { params: z.ZodObject };
  };
  return Object.keys(params.shape);
}

fileTest("docs/experiments.md names every parameter of the stages, and every experiment of both families", async () => {
  const text = await read("docs/experiments.md");
  const distilling: string[] = [], picturing: string[] = [];
  for (const file of await list("experiments/", ".ts")) {
    const source = await read(`experiments/${file}`), name = file.replace(".ts", "");
    if (source.includes("DISTILLATION_PRESETS")) distilling.push(name);
    if (source.includes('"../scenes/picture.ts"')) picturing.push(name);
  }
  const names = (all: readonly string[]) => Object.fromEntries(all.map((name) => [name, 0]));
  const ofPictures = (await Promise.all(picturing.map(parametersOf))).flat();
  const section = (heading: string) => text.split(/^##+ /m).find((part) => part.startsWith(heading)) ?? "";
  for (
    const [heading, shape] of [
      ["Stage `train_field`", TrainField.shape],
      ["Stage `fit_splats`", FitSplats.shape],
      ["Stage `load_splats`", loadSplats.definition.params.shape],
      ["Stage `export_teacher`", ExportTeacher.shape],
      ["Stage `distill`", Distill.shape],
      ["`alpha` of `distill`", Alpha.shape],
      ["`depth` of `distill`", Depth.shape],
      ["`features` of `distill`", Features.shape],
      ["Students", KiloUniform.shape],
      ["Stage `match_locally`", MatchLocally.shape],
      ["Experiments that distil", { ...Distillation.shape, ...names(distilling) }],
      ["Stage `evaluate`", evaluate.definition.params.shape],
      ["Stage `inspect_depth`", inspectDepth.definition.params.shape],
      ["Stage `look_around`", LookAround.shape],
      ["Stage `pictures`", PictureSource.shape],
      ["Stage `fit_gaussians`", FitGaussians.shape],
      ["Stage `encode_gaussians`", EncodeGaussians.shape],
      ["Stage `evaluate_pictures`", evaluatePictures.definition.params.shape],
      ["Stage `compare_codecs`", CompareCodecs.shape],
      ["Experiments with pictures", { ...GaussianImage.shape, ...names(ofPictures), ...names(picturing) }],
    ] as const
  ) {
    const named = [...section(heading).matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name);
    assert.deepEqual(named.sort(), Object.keys(shape).sort(), `the table under "${heading}" of docs/experiments.md`);
  }
});

fileTest("docs/rules.md explains every rule, under the heading that findings link to", async () => {
  const headings = [...(await read("docs/rules.md")).matchAll(/^## (.+)$/gm)].map(([, heading]) => heading);
  const files = (await list("stages/rules/", ".ts")).filter((name) => !/^_|^mod\.ts$|_test\.ts$/.test(name));
  assert.deepEqual(RULES.map(({ id }) => `${id.replaceAll("-", "_")}.ts`).sort(), files, "one file per rule");
  for (const { id, docs } of RULES) {
    assert.ok(headings.includes(id), `docs/rules.md has no heading ## ${id}`);
    assert.equal(docs, `docs/rules.md#${id}`);
  }
});

fileTest("README.md lists the packages of deno.json with their reasons, and no others", async () => {
  const { imports } = JSON.parse(await read("deno.json")) as { imports: Record<string, string> };
  const rows = (await read("README.md")).split("\n").filter((line) => line.startsWith("| `"));
  const named = rows.flatMap((row) => [...(row.split("|")[1] ?? "").matchAll(/`([^`]+)`/g)].map(([, name]) => name));
  assert.deepEqual(named.sort(), Object.keys(imports).sort());
});

fileTest("every relative link of the documentation leads to a file", async () => {
  const files = [
    ...(await list("./", ".md")),
    ...(await list("docs/", ".md")).map((name) => `docs/${name}`),
  ];
  for (const file of files) {
    // Code is no text: fenced blocks and code spans are left out.
    const text = (await read(file)).replace(/^```[\s\S]*?^```/gm, "").replace(/`[^`\n]*`/g, "");
    for (const [, target = ""] of text.matchAll(/\]\(([^)\s]+)[^)]*\)/g)) {
      // What is generated may not be there yet: report --check minds the evidence.
      if (/^(?:https?:|#)/.test(target) || target.includes("reports/evidence")) continue;
      const path = new URL(target.replace(/#.*$/, ""), new URL(file, root));
      await assert.doesNotReject(Deno.stat(path), `${file} links to ${target}, which is not there`);
    }
  }
});

fileTest("docs/images holds only pictures that a clone can carry", async () => {
  for (const name of await list("docs/images/", ".png")) {
    const { size } = await Deno.stat(new URL(`docs/images/${name}`, root));
    assert.ok(size < 300_000, `docs/images/${name} has ${size} bytes, at most 300,000 are wanted`);
  }
});
