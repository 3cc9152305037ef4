/** Fitted pictures in the reports: their rows beside those of scenes, and rate-distortion curves from runs to a chart. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { chartTest, duckdbTest, report, runId, writeRun, writeText } from "./_fixtures.ts";
import { evidenceFolder, mergeTables, readEvidence, tableText, writeEvidence } from "./evidence.ts";
import { openDatabase } from "./sql.ts";
import { readRuns } from "./store.ts";
import { emptyTables } from "./tables.ts";

/** A run that fitted a picture and compared codecs on it. */
async function writeFit(root: string, number: number, image: string, psnr: number): Promise<void> {
  const nodes = [{ name: "codecs", keys: [`${number}`.repeat(64)] }, {
    name: "evaluate",
    keys: [`a${number}`.repeat(32)],
  }];
  const directory = await writeRun(root, { run: runId(number), experiment: "gaussian_image", scene: image, nodes });
  await writeText(
    root,
    `${directory}/evaluate/evaluations.csv`,
    "image,split,views,width,height,psnr,ssim,ms_ssim,psnr_constant,coverage_median,gaussians\n" +
      `${image},picture,1,768,512,${psnr},0.9,0.97,13.5,0.875,9000\n`,
  );
  const columns = "image,width,height,codec,setting,gaussians,bytes,bits_per_pixel,psnr,ms_ssim\n";
  const row = (codec: string, setting: string, gaussians: string, bytes: number, psnr: number) =>
    `${image},768,512,${codec},${setting},${gaussians},${bytes},${bytes / 49152},${psnr},0.9\n`;
  await writeText(
    root,
    `${directory}/codecs/rate_distortion.csv`,
    columns + row("jpeg", "10", "", 6000, 28) + row("jpeg", "50", "", 21000, 34.5),
  );
  await writeText(
    root,
    `${directory}/evaluate/rate_distortion.csv`,
    columns + row("sgi", "", "9000", 40000, psnr) + row("sgi", "", "3000", 15000, psnr - 3),
  );
}

duckdbTest("evaluations: a fitted picture's columns, which rows of scenes have not", async (root) => {
  await writeRun(root, { run: runId(1) });
  await writeFit(root, 2, "kodim23", 32);
  const database = await openDatabase(await readRuns(root, assert.fail));
  try {
    const { rows } = database.query(
      "select split, image, gaussians, ms_ssim, coverage_median, psnr from evaluations order by run",
    );
    assert.deepEqual(rows, [["test", null, null, null, null, 31.2], ["picture", "kodim23", 9000, 0.97, 0.875, 32]]);
    const curve = database.query(
      "select node, codec, setting, gaussians, bytes, psnr from rate_distortion order by codec, bytes",
    );
    assert.deepEqual(curve.rows, [
      ["codecs", "jpeg", "10", null, 6000, 28],
      ["codecs", "jpeg", "50", null, 21000, 34.5],
      ["evaluate", "sgi", null, 3000, 15000, 29],
      ["evaluate", "sgi", null, 9000, 40000, 32],
    ]);
  } finally {
    database.close();
  }
});

duckdbTest("readEvidence: evidence of before there were pictures has the new columns, empty", async (root) => {
  await writeRun(root, { run: runId(1) });
  const recorded = mergeTables(emptyTables(), await readRuns(root, assert.fail), assert.fail);
  await writeEvidence(root, recorded);
  await Deno.remove(join(root, `${evidenceFolder}/rate_distortion.csv`));
  const added = new Set(["image", "gaussians", "ms_ssim", "coverage_median"]);
  const columns = recorded.evaluations.columns.filter(({ name }) => !added.has(name));
  assert.equal(columns.length, recorded.evaluations.columns.length - added.size);
  const old = tableText({ ...recorded, evaluations: { ...recorded.evaluations, columns } }, "evaluations");
  await writeText(root, `${evidenceFolder}/evaluations.csv`, old);
  const read = await readEvidence(root, assert.fail);
  assert.equal(tableText(read, "evaluations"), tableText(recorded, "evaluations"));
  assert.deepEqual(read.rate_distortion.rows, []);
});

chartTest("kind=rate_distortion is drawn from recorded runs, the mean over their pictures", async (root) => {
  await writeFit(root, 1, "kodim03", 32);
  await writeFit(root, 2, "kodim23", 34);
  const inDb = "<!-- stillroom:chart rate-db kind=rate_distortion y=ms_ssim_db -->\n<!-- /stillroom -->\n";
  const directive =
    "<!-- stillroom:chart rate kind=rate_distortion experiment=gaussian_image -->\n<!-- /stillroom -->\n";
  await writeText(root, "ROADMAP.md", `${directive}\n${inDb}`);
  const { code, error } = await report({ root, record: "all" });
  assert.deepEqual([code, error], [0, ""]);
  const text = await Deno.readTextFile(join(root, "ROADMAP.md"));
  assert.match(text, /<sub>Mean over 2 pictures at each setting; numbers at points: how many Gaussians<\/sub>/);
  const svg = await Deno.readTextFile(join(root, "reports/charts/rate.svg"));
  for (const word of ["JPEG \\(mozjpeg\\)", "Gaussians \\(\\.sgi\\)", "9000", "bits per pixel", "PSNR \\(dB\\)"]) {
    assert.match(svg, new RegExp(`>${word}<`));
  }
  assert.match(await Deno.readTextFile(join(root, "reports/charts/rate-db.svg")), />-10 log10\(1 - MS-SSIM\) \(dB\)</);
  assert.equal((await report({ root, check: true })).code, 0);
});
