/** A teacher's depth, looked at on the real device; and that experiments on the same teacher share it. */
import assert from "node:assert/strict";
import fitSplats from "../experiments/fit_splats.ts";
import inspectTeacherDepth from "../experiments/inspect_teacher_depth.ts";
import { parseRows } from "../runner/csv.ts";
import { buildPlan, type Experiment } from "../runner/experiment.ts";
import { resolveParameters } from "../runner/params.ts";
import { decodePng } from "../scenes/png.ts";
import { programTest } from "./permissions.ts";
import { stillroom } from "./runner/harness.ts";

Deno.test("inspect_teacher_depth plans the scene and the teacher of fit_splats, so that the cache is shared", async () => {
  for (const preset of [undefined, ...Object.keys(fitSplats.presets)]) {
    const nodes = async (of: Experiment) => {
      const overrides = ["scene=lego", "downscale=2"];
      const params = await resolveParameters(of.params, { presets: of.presets, overrides, preset });
      const plan = buildPlan(of, params, preset);
      return plan.nodes.filter(({ name }) => ["scene", "teacher"].includes(name))
        .map(({ name, stage, params, inputs }) => ({ name, stage: stage.name, params, inputs }));
    };
    const found = await nodes(inspectTeacherDepth);
    assert.equal(found.length, 2);
    assert.deepEqual(found, await nodes(fitSplats), preset ?? "default");
  }
});

programTest("inspect_teacher_depth: tiny passes, and its files hold what the metrics say", async (folder) => {
  const args = ["run", "experiments/inspect_teacher_depth.ts", "--preset", "tiny", "--json", "--no-check"];
  const { code, out, err } = await stillroom(folder, ...args);
  assert.equal(code, 0, err);
  const { metrics, path, gates } = JSON.parse(out.trimEnd().split("\n").at(-1) ?? "") as {
    metrics: Readonly<Record<string, number>>;
    path: string;
    gates: readonly { name: string; state: string }[];
  };
  const metric = (name: string) => metrics[`inspect.${name}`]!;
  assert.deepEqual(gates.map(({ name, state }) => [name, state]), [
    ["inspect.depth_coverage", "pass"],
    ["inspect.depth_slope", "pass"],
    ["inspect.depth_slope", "pass"],
  ]);
  const table = async (name: string) => parseRows(await Deno.readTextFile(`${path}/inspect/${name}.csv`));
  const views = await table("teacher_depth_views");
  const column = (name: string) => views.map((row) => Number(row[name]));
  assert.deepEqual(views.map(({ split, view, pixels }) => [split, view, pixels]), [
    ["test", "r_0", 48 * 48],
    ["test", "r_12", 48 * 48],
  ]);
  assert.equal(metric("depth_min"), Math.min(...column("depth_min")));
  assert.equal(metric("norm_max"), Math.max(...column("norm_max")));
  assert.ok(Math.abs(metric("coverage") - (column("coverage")[0]! + column("coverage")[1]!) / 2) < 1e-12);
  // The cameras stand 4 units from the middle of a box with sides of 3.
  assert.ok(metric("depth_min") > 2 && metric("depth_max") < 6);
  assert.ok(metric("norm_min") > 0 && metric("norm_max") < 1 && metric("norm_outside") === 0);
  assert.ok(column("true_pixels").every((n) => n > 100), String(column("true_pixels")));
  const histogram = await table("teacher_depth_histogram");
  assert.equal(histogram.length, 32);
  for (const series of ["teacher", "truth"]) {
    const sum = histogram.reduce((total, row) => total + Number(row[series]), 0);
    assert.ok(Math.abs(sum - 1) < 1e-9, `${series}: ${sum}`);
  }
  // Two views in rows of four pictures, 48 px drawn five times as large, with gaps of 4.
  const strip = decodePng(await Deno.readFile(`${path}/inspect/depth_strip.png`), "depth_strip.png");
  assert.deepEqual([strip.width, strip.height], [4 * 240 + 12, 2 * 240 + 4]);
});
