/** The experiments with pictures of Gaussians: their plans, and one from a picture to a file and back, as a user runs it. */
import assert from "node:assert/strict";
import gaussianImage from "../experiments/gaussian_image.ts";
import gaussianImageAblation from "../experiments/gaussian_image_ablation.ts";
import gaussianImageCurve from "../experiments/gaussian_image_curve.ts";
import gaussianImageV1 from "../experiments/gaussian_image_v1.ts";
import { decodeSgi } from "../models/sgi/sgi_file.ts";
import { renderSgi } from "../models/sgi/sgi_picture.ts";
import { buildPlan, type Experiment } from "../runner/experiment.ts";
import { parseRows } from "../runner/csv.ts";
import { resolveParameters } from "../runner/params.ts";
import { readPlan } from "../runner/run_folder.ts";
import { readPicture } from "../scenes/picture.ts";
import { programTest } from "./permissions.ts";
import { stillroom } from "./runner/harness.ts";

const experiments: readonly Experiment[] = [gaussianImage, gaussianImageCurve, gaussianImageAblation, gaussianImageV1];

async function planOf(of: Experiment, preset?: string, overrides: readonly string[] = []) {
  const params = await resolveParameters(of.params, { presets: of.presets, overrides, preset });
  return buildPlan(of, params, preset);
}

for (const one of experiments) {
  Deno.test(`${one.name}: every preset plans a fit of a picture, with its gates`, async () => {
    for (const preset of [undefined, ...Object.keys(one.presets)]) {
      const what = `${one.name} ${preset ?? "default"}`;
      for (const image of ["bricks", "some/photo.png"]) {
        const { nodes, gates } = await planOf(one, preset, [`image=${image}`]);
        const count = (stage: string) => nodes.filter((node) => node.stage.name === stage).length;
        assert.equal(count(image === "bricks" ? "bricks_picture" : "pictures"), 1, what);
        assert.ok(count("fit_gaussians") > 0 && count("evaluate_pictures") >= count("encode_gaussians"), what);
        assert.ok(gates.length > 0 || (one === gaussianImageAblation && preset === "tiny"), `gates of ${what}`);
        for (const node of nodes) assert.ok(Array.isArray(node.stage.memory(node.params)), `memory of ${node.name}`);
      }
    }
  });
}

Deno.test("gaussian_image_ablation: one change at a time, or every combination", async () => {
  const names = async (...overrides: string[]) =>
    (await planOf(gaussianImageAblation, "tiny", overrides)).nodes
      .filter(({ stage }) => stage.name === "evaluate_pictures").map(({ name }) => name);
  const few = await names();
  for (const name of ["random", "superpixel", "log_cholesky", "top_k", "mix"]) {
    assert.ok(few.includes(`evaluate_${name}`), `${name} is not in ${few}`);
  }
  assert.equal((await names("full=true")).length, 4 * 3 * 4 * 4);
});

/** What `--json` says. */
interface Answer {
  readonly metrics: Readonly<Record<string, number>>;
  readonly gates: readonly { readonly name: string; readonly state: string }[];
  readonly findings: readonly unknown[];
  readonly path: string;
}

programTest("gaussian_image: tiny makes a file of bricks, and decode_image a picture of the file", async (folder) => {
  const run = async (...words: string[]) => {
    const { code, out, err } = await stillroom(folder, "run", ...words, "--json", "--no-check");
    assert.equal(code, 0, err);
    return JSON.parse(out.trimEnd().split("\n").at(-1) ?? "") as Answer;
  };
  const tiny = ["experiments/gaussian_image.ts", "--preset", "tiny"];
  const answer = await run(...tiny), { metrics, path } = answer;
  assert.deepEqual(answer.findings, []);
  assert.ok(answer.gates.length > 0 && answer.gates.every(({ state }) => state === "pass"));
  const encode = (await readPlan(path))!.nodes.find(({ name }) => name === "encode")!;
  const name = `${folder}/cache/${encode.keys[0]}/bricks.sgi`, file = await Deno.readFile(name);
  assert.equal(metrics["encode.bytes"], file.length);
  assert.ok(file.length > 150 && file.length < 150 * 8, `${file.length} bytes of 150 Gaussians`);
  assert.ok(metrics["evaluate.psnr"]! > metrics["evaluate.psnr_constant"]! + 3);
  assert.equal(metrics["evaluate.psnr"], metrics["encode.psnr"], "of the same bytes");
  assert.ok(metrics["evaluate.ms_ssim"]! > 0.3 && metrics["evaluate.ms_ssim"]! < 1, "96 x 64 px: on fewer scales");
  const peers = ["compared_with_jpeg", "compared_with_webp"].map((column) => metrics[`over_codecs.${column}`]);
  assert.deepEqual(peers.map((peer) => typeof peer), ["number", "number"]);
  const views = parseRows(await Deno.readTextFile(`${path}/evaluate/evaluation_views.csv`));
  assert.deepEqual(views.map(({ view, bytes }) => [view, bytes]), [["bricks", file.length]]);
  const strip = await readPicture(`${path}/evaluate/strip.png`);
  assert.ok(strip.width > 4 * 96 && strip.height >= 64, "truth, render, error and coverage side by side");

  const decoded = await run("experiments/decode_image.ts", `file=${name}`);
  const { rgb, width, height } = await readPicture(`${decoded.path}/decode/picture.png`);
  assert.deepEqual([width, height], [96, 64]);
  const { data } = renderSgi(decodeSgi(file));
  assert.ok(data.length === rgb.length && data.every((byte, i) => byte / 255 === rgb[i]), "the CPU's bytes");
  const damaged = `${folder}/damaged.sgi`;
  await Deno.writeFile(damaged, file.map((byte, i) => i === 40 ? byte ^ 1 : byte));
  const { code, out, err } = await stillroom(
    folder,
    "run",
    "experiments/decode_image.ts",
    `file=${damaged}`,
    "--no-check",
  );
  assert.equal(code, 1, err);
  assert.match(out, /FAILED in decode: .*damaged\.sgi: .*To mend it, /);
  assert.doesNotMatch(out + err, /^ +at .*\.ts:\d+/m, "without a stack");
});
