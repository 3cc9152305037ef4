/** The experiments with pictures of Gaussians: their plans, and one from a picture to a file and back, as a user runs it. */
import assert from "node:assert/strict";
import gaussianImage from "../experiments/gaussian_image.ts";
import gaussianImageAblation from "../experiments/gaussian_image_ablation.ts";
import gaussianImageCurve from "../experiments/gaussian_image_curve.ts";
import gaussianImageV1 from "../experiments/gaussian_image_v1.ts";
import { buildPlan, type Experiment } from "../runner/experiment.ts";
import { parseRows } from "../runner/csv.ts";
import { resolveParameters } from "../runner/params.ts";
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
  readonly parameters_sha256: string;
  readonly path: string;
}

programTest(
  "gaussian_image: tiny makes a file of bricks, measures it, and gives the same bytes again",
  async (folder) => {
    const run = async (cache: string, ...words: string[]) => {
      const { code, out, err } = await stillroom(`${folder}/${cache}`, "run", ...words, "--json", "--no-check");
      return { code, err, out, answer: JSON.parse(out.trimEnd().split("\n").at(-1) ?? "") as Answer };
    };
    const tiny = ["experiments/gaussian_image.ts", "--preset", "tiny"];
    const { code, err, answer } = await run("a", ...tiny), { metrics, path } = answer;
    assert.equal(code, 0, err);
    assert.deepEqual(answer.findings, []);
    assert.ok(answer.gates.length > 0 && answer.gates.every(({ state }) => state === "pass"));
    const file = await Deno.readFile(`${path}/encode/bricks.sgi`);
    assert.equal(metrics["encode.bytes"], file.length);
    assert.ok(metrics["encode.bytes"]! > 150 && metrics["encode.bytes"]! < 150 * 8, String(metrics["encode.bytes"]));
    assert.ok(metrics["evaluate.psnr"]! > metrics["evaluate.psnr_constant"]! + 3);
    // The file's own figure, and that of the evaluation, are of the same bytes.
    assert.ok(Math.abs(metrics["evaluate.psnr"]! - metrics["encode.psnr"]!) < 1e-9);
    assert.ok(metrics["evaluate.ms_ssim"]! > 0.3 && metrics["evaluate.ms_ssim"]! < 1, "96 x 64 px: on fewer scales");
    for (const column of ["compared_with_jpeg", "compared_with_webp"]) {
      assert.equal(typeof metrics[`over_codecs.${column}`], "number", column);
    }
    const views = parseRows(await Deno.readTextFile(`${path}/evaluate/evaluation_views.csv`));
    assert.deepEqual(views.map(({ view, bytes }) => [view, bytes]), [["bricks", file.length]]);
    const strip = await readPicture(`${path}/evaluate/strip.png`);
    assert.ok(strip.width > 4 * 96 && strip.height >= 64, "truth, render, error and coverage side by side");

    const again = await run("b", ...tiny);
    assert.equal(again.answer.parameters_sha256, answer.parameters_sha256);
    assert.deepEqual(await Deno.readFile(`${again.answer.path}/encode/bricks.sgi`), file);
    for (const column of ["evaluate.psnr", "evaluate.ms_ssim", "evaluate_fit.psnr", "over_codecs.psnr_over_jpeg"]) {
      assert.equal(again.answer.metrics[column], metrics[column], column);
    }
  },
);
