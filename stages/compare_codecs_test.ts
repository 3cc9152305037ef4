import assert from "node:assert/strict";
import type { Cell, StageContext } from "../runner/stage.ts";
import { pictureTarget } from "../scenes/picture.ts";
import { fileTest } from "../tests/permissions.ts";
import { compareCodecs, overCodecs } from "./compare_codecs.ts";
import { RATE_DISTORTION_COLUMNS, type RateDistortionRow } from "./rate_distortion.ts";

/** Waves of three colours: neither trivial nor noise. */
function waves(width: number, height: number) {
  const rgb = Float64Array.from({ length: width * height * 3 }, (_, i) => {
    const c = i % 3, x = Math.floor(i / 3) % width, y = Math.floor(i / 3 / width);
    return 0.5 + 0.4 * Math.sin((x + c * 5) / 6) * Math.cos((y - c * 3) / (4 + c));
  });
  return pictureTarget("waves", width, height, rgb);
}

async function run(size: readonly [number, number]) {
  const written: Readonly<Record<string, Cell>>[] = [], columns: string[] = [];
  const context = {
    csv(file: string, names: readonly string[]) {
      assert.equal(file, "rate_distortion.csv");
      columns.push(...names);
      return { append: (row: Readonly<Record<string, Cell>>) => written.push(row) };
    },
    signal: { throwIfAborted() {} },
    progress() {},
  } as unknown as StageContext;
  const params = { jpeg: [10, 60, 95], webp: [0, 50] };
  const { value, metrics } = await compareCodecs.definition.run(
    context,
    { pictures: [waves(...size)] },
    params,
  );
  return { rows: value as RateDistortionRow[], metrics, written, columns };
}

// It reads the WebAssembly of npm packages.
fileTest("compareCodecs: a row per codec and quality, with real sizes and what the decoder gives back", async () => {
  const { rows, metrics, written, columns } = await run([96, 64]);
  assert.deepEqual(rows.map(({ codec, setting }) => [codec, setting]), [
    ["jpeg", 10],
    ["jpeg", 60],
    ["jpeg", 95],
    ["webp", 0],
    ["webp", 50],
  ]);
  assert.deepEqual(written, rows);
  assert.deepEqual(columns, [...RATE_DISTORTION_COLUMNS]);
  for (const row of rows) {
    assert.deepEqual([row.image, row.width, row.height], ["waves", 96, 64]);
    assert.equal(row.bits_per_pixel, 8 * row.bytes / (96 * 64));
    assert.ok(row.ms_ssim! > 0.5 && row.ms_ssim! < 1, String(row.ms_ssim));
  }
  const jpeg = rows.slice(0, 3);
  assert.ok(jpeg.every((row, i) => i === 0 || (row.bytes > jpeg[i - 1]!.bytes && row.psnr > jpeg[i - 1]!.psnr)));
  assert.ok(jpeg[2]!.psnr > 35 && jpeg[0]!.psnr > 15, JSON.stringify(jpeg));
  assert.equal(metrics?.points, 5);
});

fileTest(
  "overCodecs: pictures are set against each codec at equal bytes; tiny pictures have no MS-SSIM",
  async () => {
    const { rows } = await run([96, 64]);
    const coded = rows.filter(({ codec }) => codec === "jpeg")
      .map((row) => ({ ...row, codec: "sgi", psnr: row.psnr + 2, ms_ssim: undefined }));
    // Another picture's files are no peers.
    const other = { ...coded[0]!, image: "cat" };
    const { metrics } = await overCodecs.definition.run(
      {} as StageContext,
      { codecs: rows, coded: [...coded, other] },
      {},
    );
    assert.equal(metrics?.compared_with_jpeg, 3);
    assert.ok(Math.abs(metrics.psnr_over_jpeg! - 2) < 1e-12);
    assert.equal(metrics.ms_ssim_over_jpeg, undefined);
    const tiny = await run([10, 40]);
    assert.deepEqual(tiny.rows.map((row) => row.ms_ssim), Array(5).fill(undefined));
  },
);
