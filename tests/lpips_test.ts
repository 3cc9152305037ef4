/** LPIPS from a weights file into the tables of an evaluation, through the command line on the real device. */
import assert from "node:assert/strict";
import { uniform } from "../kernels/kernel.ts";
import {
  type Chain,
  convolution,
  onnxBytes,
  referenceDistances,
  referenceFeatures,
} from "../kernels/metrics/_onnx_fixture.ts";
import { CHECK_SIZE, checkPictures, LPIPS_NETS } from "../kernels/metrics/lpips.ts";
import { Pcg } from "../kernels/random/pcg.ts";
import { parseRows } from "../runner/csv.ts";
import { randomSplats } from "../scenes/_splat_test_data.ts";
import { writeSplats } from "../scenes/splat_files.ts";
import { programTest } from "./permissions.ts";
import { stillroom } from "./runner/harness.ts";

/** A file in the shape of `alex`: its layers' channels with random weights, and heads that sum to the known sums. */
function likeAlex(seed: number): Uint8Array {
  const { channels, headSums } = LPIPS_NETS.find(({ name }) => name === "alex")!;
  const rng = new Pcg(seed);
  const chain: Chain = channels.flatMap((outputs, i) => [
    i === 0 ? convolution(rng, 3, outputs, { size: 8, stride: 8 }) : convolution(rng, channels[i - 1]!, outputs),
    { kind: "relu" },
  ]);
  const heads = channels.map((count, i) => {
    const weights = uniform(rng, count, 0, 1), sum = weights.reduce((a, b) => a + b);
    return weights.map((w) => w * headSums[i]! / sum);
  });
  const [a, b] = checkPictures().map((p) => referenceFeatures(chain, p, CHECK_SIZE.width, CHECK_SIZE.height));
  return onnxBytes(chain, { heads, check: referenceDistances(a!, b!, heads).reduce((sum, d) => sum + d) });
}

programTest("evaluate: LPIPS by the weights that are named, and nothing else changes", async (folder) => {
  const splats = `${folder}/some.ply`, weights = `${folder}/weights.onnx`;
  await writeSplats(splats, randomSplats(300, 1, 8));
  await Deno.writeFile(weights, likeAlex(1));
  const run = async (lpips: string) => {
    const asked = ["tests/lpips_splats.ts", `splats=${splats}`, `lpips=${lpips}`, "--json", "--no-check"];
    const answer = await stillroom(folder, "run", ...asked);
    const { path, metrics } = JSON.parse(answer.out.trimEnd().split("\n").at(-1) || "{}") as {
      path: string;
      metrics: Readonly<Record<string, number>>;
    };
    const table = async (file: string) => parseRows(await Deno.readTextFile(`${path}/evaluate/${file}.csv`));
    return { ...answer, metrics, table };
  };
  const without = await run(""), given = await run(weights);
  assert.deepEqual([without.code, given.code], [0, 0], without.err + given.err);

  const [[plain], [row]] = [await without.table("evaluations"), await given.table("evaluations")];
  assert.deepEqual([plain?.lpips_net, plain?.lpips, without.metrics["evaluate.lpips"]], ["no weights", "", undefined]);
  assert.equal(row?.lpips_net, "alex");
  assert.equal(row?.lpips, given.metrics["evaluate.lpips"]);
  const [before, views] = [await without.table("evaluation_views"), await given.table("evaluation_views")];
  assert.deepEqual(before.map(({ lpips }) => lpips), ["", ""]);
  const distances = views.map(({ lpips }) => Number(lpips));
  assert.ok(distances.length === 2 && distances.every((d) => d > 1e-4), distances.join());
  assert.equal(row?.lpips, (distances[0]! + distances[1]!) / 2);
  for (const column of ["psnr", "ssim", "psnr_white", "psnr_constant", "psnr_foreground", "deviation"]) {
    assert.deepEqual(views.map((view) => view[column]), before.map((view) => view[column]), column);
  }

  // The same name with another content is another stage.
  await Deno.writeFile(weights, likeAlex(2));
  const changed = await run(weights);
  assert.match(changed.err, /splats +cached/);
  assert.notEqual(changed.metrics["evaluate.lpips"], given.metrics["evaluate.lpips"]);

  await Deno.truncate(weights, 100_000);
  const torn = await run(weights);
  assert.equal(torn.code, 1);
  assert.match(torn.out + torn.err, /The LPIPS weights are no ONNX file that can be run .*docs\/lpips\.md/);
  const missing = await run(`${folder}/nothing.onnx`);
  assert.equal(missing.code, 2);
  assert.match(missing.out + missing.err, /Expected data of node evaluate at .*nothing\.onnx, found nothing/);
});
