import assert from "node:assert/strict";
import { type CellStyle, defaultDigits, escapeText, formatCell, formatNumber, formatTable } from "./format.ts";

const style: CellStyle = {
  digits: () => undefined,
  link: (run) => run === "run-A" ? "e.csv#L2" : undefined,
  runName: (run) => run.slice(-1),
};

Deno.test("defaultDigits: sensible digits by column name", () => {
  const digits = {
    psnr: 2,
    psnr_over_constant: 2,
    best_psnr: 2,
    ssim: 4,
    ms_ssim: 4,
    ssim_window: 0,
    lpips_vgg: 4,
    depth_rmse: 4,
    ms_per_frame: 1,
    fps: 1,
    gpu_peak_mib: 0,
    train_seconds: 1,
    loss: undefined,
    terms: undefined,
  };
  for (const [column, expected] of Object.entries(digits)) assert.equal(defaultDigits(column), expected, column);
});

Deno.test("formatNumber: infinity, no minus zero, four significant digits where nothing is asked", () => {
  assert.deepEqual(
    [Infinity, -Infinity, NaN, 5000, 0.0123456, 1234567.8, -0.0001].map((number) => formatNumber(number)),
    ["∞", "−∞", "NaN", "5000", "0.01235", "1234568", "-0.0001"],
  );
  assert.deepEqual([formatNumber(-0.001, 2), formatNumber(31.999, 1), formatNumber(Infinity, 2)], [
    "0.00",
    "32.0",
    "∞",
  ]);
});

Deno.test("formatCell: links runs the evidence knows, shortens hashes, leaves other text", () => {
  assert.equal(formatCell("run", "run-A", style), "[A](e.csv#L2)");
  assert.equal(formatCell("best_run", "run-A", style), "[A](e.csv#L2)");
  assert.equal(formatCell("run", "run-B", style), "run-B");
  assert.equal(formatCell("commit", "1a2b3c4d".repeat(5), style), "1a2b3c4");
  assert.equal(formatCell("dirty", true, style), "yes");
  assert.equal(formatCell("x", null, style), "");
});

Deno.test("escapeText: a cell cannot break its table, its comment or the code spans around it", () => {
  assert.equal(escapeText("a|b\nc"), "a\\|b c");
  assert.equal(escapeText("a\\|b\\"), "a&#92;\\|b&#92;");
  assert.equal(escapeText("<!-- /stillroom -->"), "&lt;!-- /stillroom -->");
  assert.equal(escapeText("one ` tick"), "one &#96; tick");
  assert.equal(escapeText("`code` **bold**"), "`code` **bold**");
});

Deno.test("formatTable: aligned pipes, numbers to the right", () => {
  const result = { columns: ["run", "psnr", "note"], rows: [["run-A", Infinity, "é|"], ["x", 9.488337, null]] };
  assert.deepEqual(formatTable(result, style), [
    "| run           | psnr | note |",
    "| ------------- | ---: | ---- |",
    "| [A](e.csv#L2) |    ∞ | é\\|  |",
    "| x             | 9.49 |      |",
  ]);
});
