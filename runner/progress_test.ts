import assert from "node:assert/strict";
import { describeProgress, type Output, Pace, seconds, short, TextProgress } from "./progress.ts";

function output(columns: number | undefined): Output & { text: string; time: number } {
  return {
    text: "",
    time: 0,
    write(text) {
      this.text += text;
    },
    columns: () => columns,
    now() {
      return this.time;
    },
  };
}

Deno.test("TextProgress writes one line every few seconds when there is no terminal", () => {
  const out = output(undefined);
  const progress = new TextProgress(out, 5000);
  progress.start("student");
  progress.phase("train");
  for (let step = 1; step <= 120; step++) {
    out.time += 100;
    progress.progress({ done: step, total: 200, unit: "step", values: { loss: 0.5 } });
  }
  progress.event("warning", "look");
  progress.finish("student", "done in 12 s");
  progress.close();
  assert.deepEqual(out.text.split("\n"), [
    "student          train [#####...............] 25 %  50/200 steps  10/s  loss 0.5  15 s left",
    "student          train [##########..........] 50 %  100/200 steps  10/s  loss 0.5  10 s left",
    "  warning: look",
    "student          done in 12 s",
    "",
  ]);
});

Deno.test("TextProgress paints one live line on a terminal and takes it away", () => {
  const out = output(60);
  const progress = new TextProgress(out);
  progress.start("teacher");
  progress.phase("compile");
  for (let step = 1; step <= 10; step++) {
    out.time += 20;
    progress.progress({ done: step, total: 10, unit: "step" });
  }
  progress.finish("teacher", "done");
  progress.close();
  const lines = out.text.split("\r\x1b[2K");
  assert.ok(lines.every((line) => line.replace(/\n$/, "").length < 60));
  assert.equal(lines.at(-1), "teacher          done\n");
  assert.equal(lines.filter((line) => line.includes("/10 steps")).length, 2, "not more often than every 100 ms");
});

Deno.test("describeProgress() leaves out whole words where columns are few, and keeps the time left", () => {
  const pace = new Pace();
  pace.add(0, 0);
  pace.add(1000, 16);
  const values = { loss: 9.481e-4, val_psnr: 26.312, train_psnr: 27.654, splats: 60_000 };
  const line = (columns?: number) =>
    describeProgress("student", "train", { done: 432, total: 800, unit: "step", values }, pace, 0, columns);
  assert.deepEqual([line(), line(130), line(99), line(80), line(60), line(40)], [
    "student          train [###########.........] 54 %  432/800 steps  16/s  loss 9.48e-4  val_psnr 26.31  train_psnr 27.65  splats 60000  49 s left",
    "student          train 54 %  432/800 steps  loss 9.48e-4  val_psnr 26.31  train_psnr 27.65  splats 60000  49 s left",
    "student train 54 %  loss 9.48e-4  val_psnr 26.31  train_psnr 27.65  splats 60000  49 s left",
    "student train 54 %  loss 9.48e-4  val_psnr 26.31  train_psnr 27.65  49 s left",
    "student train 54 %  loss 9.48e-4  val_psnr 26.31  49 s left",
    "student train 54 %  49 s left",
  ]);
});

Deno.test("Pace follows the last seconds and begins anew when the count falls", () => {
  const pace = new Pace();
  pace.add(0, 1000); // resumed at step 1000: what was done before is no speed
  assert.equal(pace.rate, undefined);
  for (let i = 1; i <= 100; i++) pace.add(i * 100, 1000 + i);
  assert.ok(Math.abs((pace.rate ?? 0) - 10) < 1e-9);
  assert.ok(Math.abs((pace.eta(1200) ?? 0) - 10) < 1e-9);
  pace.add(10_100, 0);
  assert.equal(pace.rate, undefined);
});

Deno.test("seconds() and short() write for people", () => {
  assert.deepEqual([0.43, 12.4, 185, 7800].map(seconds), ["0.4 s", "12 s", "3 min 05 s", "2 h 10 min"]);
  assert.deepEqual([0, 0.123456, 1e-9, 123456789, Infinity].map(short), ["0", "0.1235", "1.00e-9", "1.23e+8", "inf"]);
});
