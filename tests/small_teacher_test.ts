/** A teacher from its splats to what students are given, through the command line on the real device. */
import assert from "node:assert/strict";
import { isInside } from "../models/occupancy.ts";
import { MIN_ALPHA } from "../models/rendered_view.ts";
import { loadTeacher, readTeacherFile, type Teacher } from "../models/teacher.ts";
import { sha256 } from "../runner/json.ts";
import { listFiles } from "../runner/paths.ts";
import { readPlan } from "../runner/run_folder.ts";
import { randomSplats } from "../scenes/_splat_test_data.ts";
import { cameraCentre, rayDirection, rigidProblem, type Vec3 } from "../scenes/camera.ts";
import { readSplats, writeSplats } from "../scenes/splat_files.ts";
import { programTest } from "./permissions.ts";
import { stillroom } from "./runner/harness.ts";

const SIZE = 32;

async function run(folder: string, ...params: string[]) {
  const answer = await stillroom(folder, "run", "tests/small_teacher.ts", ...params, "--json", "--no-check");
  const { path, metrics } = JSON.parse(answer.out.trimEnd().split("\n").at(-1) || "{}") as {
    path: string;
    metrics: Readonly<Record<string, number | string>>;
  };
  const cacheOf = async (node: string) => {
    const plan = await readPlan(path);
    return `${folder}/cache/${plan?.nodes.find(({ name }) => name === node)?.keys[0]}`;
  };
  return { ...answer, path, metrics, cacheOf };
}

/** File -> hash, of everything but the record of the run. */
async function hashesOf(folder: string): Promise<Record<string, string>> {
  const files = (await listFiles(folder)).filter((file) => file !== "result.json" && !file.startsWith("claim")).sort();
  const hashes = await Promise.all(files.map(async (file) => sha256(await Deno.readFile(`${folder}/${file}`))));
  return Object.fromEntries(files.map((file, i) => [file, hashes[i]!]));
}

/** What must hold of any exported view. */
async function checkView(teacher: Teacher, at: number): Promise<{ covered: number; inside: number }> {
  const view = teacher.views[at]!, pixels = SIZE * SIZE, { box, resolution, bits } = teacher.occupancy;
  const colour = await readTeacherFile(teacher, view, "colour"), alpha = await readTeacherFile(teacher, view, "alpha");
  const depth = await readTeacherFile(teacher, view, "depth");
  const features = await readTeacherFile(teacher, view, "features");
  const statistics = await readTeacherFile(teacher, view, "statistics");
  assert.deepEqual(
    [colour, alpha, depth, features, statistics].map((plane) => plane.length / pixels),
    [3, 1, 1, 52, 4],
  );
  const centre = cameraCentre(view.camera);
  let covered = 0, inside = 0;
  for (let p = 0; p < pixels; p++) {
    const a = alpha[p]!, free = !(a > MIN_ALPHA);
    assert.ok(a >= 0 && a <= 1 && [0, 1, 2].every((c) => colour[3 * p + c]! >= 0));
    assert.equal(depth[p] === 0, free, "there is a distance exactly where something is seen");
    // Opacities lie in (0, 1): their weighted mean does, and is the mean amplitude; degree 1 has 4 coefficients.
    const amplitude = features[52 * p + 48]!, [mean, deviation, , spread] = statistics.subarray(4 * p, 4 * p + 4);
    assert.ok(amplitude >= 0 && amplitude <= a * (1 + 1e-5), `amplitude ${amplitude} of opacity ${a}`);
    assert.ok(features.subarray(52 * p + 4, 52 * p + 16).every((v) => v === 0));
    assert.ok(Math.abs(free ? mean! : mean! - amplitude / a) < 1e-3, `mean ${mean}, ${amplitude} of ${a}`);
    assert.ok(deviation! >= 0 && deviation! <= 0.51 && spread! >= 0);
    if (a < 0.5) continue;
    covered++;
    const direction = rayDirection(view.camera, p % SIZE, Math.floor(p / SIZE));
    const point = centre.map((v, d) => v + depth[p]! * direction[d]!) as unknown as Vec3;
    if (isInside(bits, box, resolution, point)) inside++;
  }
  return { covered, inside };
}

programTest("a teacher exports what students need, and against itself it is perfect", async (folder) => {
  const { code, err, metrics, cacheOf } = await run(folder);
  assert.equal(code, 0, err);
  assert.deepEqual(
    ["teacher_views", "psnr_teacher", "ssim_teacher", "depth_rmse_teacher"].map((c) => metrics[`evaluate.${c}`]),
    [2, "inf", 1, 0],
  );
  assert.equal(metrics["exported.views"], 4);

  const made = await cacheOf("exported"), teacher = await loadTeacher(made);
  assert.deepEqual(teacher.views.map(({ name }) => name), ["r_0", "r_1", "sample_0", "sample_1"]);
  assert.deepEqual(Object.keys(teacher.exports), ["colour", "depth", "features", "statistics"]);
  assert.equal(teacher.split, "test");
  assert.deepEqual(teacher.model, {
    ...teacher.model,
    splats: await readSplats(`${await cacheOf("teacher")}/splats.ply`),
  });
  for (const [i, { camera }] of teacher.views.entries()) {
    assert.deepEqual([camera.width, camera.height, rigidProblem(camera.cameraToWorld, 1e-6)], [SIZE, SIZE, undefined]);
    const { covered, inside } = await checkView(teacher, i);
    assert.ok(covered > 50 && inside > 0.9 * covered, `view ${i}: ${inside} of ${covered} covered pixels in set cells`);
  }
  const files = Object.keys(await hashesOf(made));
  assert.equal(files.filter((file) => /^views\/.*\.npy$/.test(file)).length, 4 * 5);

  // Once more, from the same splats.
  const before = await hashesOf(made);
  await Deno.remove(made, { recursive: true });
  const again = await run(folder);
  assert.match(again.err, /teacher +cached/);
  assert.doesNotMatch(again.err, /exported +cached/);
  assert.deepEqual(await hashesOf(made), before, "exporting twice gives the same bytes");

  const refused = async (param: string, pattern: RegExp) => {
    const { code, out, err } = await run(folder, param);
    assert.equal(code, 1);
    assert.match(out + err, pattern);
  };
  await refused(
    "split=val",
    /The teacher exported its test views, but the val views are evaluated: give both the same split/,
  );
  await refused("size=48", /The teacher saw view r_0 with another camera: export it on the scene that is evaluated/);
});

programTest("a teacher read from a file is the one that was written", async (folder) => {
  const file = `${folder}/some.ply`, splats = randomSplats(300, 2, 8);
  splats.means.forEach((v, i) => splats.means[i] = v / 6);
  await writeSplats(file, splats);
  const { code, err, metrics, cacheOf } = await run(folder, `splats=${file}`);
  assert.equal(code, 0, err);
  assert.deepEqual([metrics["teacher.splats"], metrics["teacher.degree"]], [300, 2]);
  assert.deepEqual([metrics["evaluate.psnr_teacher"], metrics["evaluate.ssim_teacher"]], ["inf", 1]);
  const { model } = await loadTeacher(await cacheOf("exported"));
  assert.deepEqual(model, { kind: "splats", splats, near: 0.2, trainSeconds: 0 });

  await Deno.truncate(file, 1000);
  const torn = await run(folder, `splats=${file}`);
  assert.equal(torn.code, 1);
  assert.ok((torn.out + torn.err).includes(`${file}: Torn`), torn.out + torn.err);
});
