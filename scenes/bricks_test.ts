import assert from "node:assert/strict";
import { testGpu, testInFolder } from "./_test_data.ts";
import { loadViews, openBlender, sceneFiles } from "./blender.ts";
import { BRICKS_RADIUS, bricksCameras, bricksGeometry, type BricksPicture, bricksPortrait } from "./bricks.ts";
import { probeBricks, renderBricks, renderPictures } from "./bricks.ts";
import { nearestPart, traceParts } from "./bricks_sdf.ts";
import { type Camera, cameraCentre, lookAt, projectPoint, rayDirection } from "./camera.ts";
import { MATERIALS } from "./_bricks_builder.ts";

async function render(cameras: readonly Camera[], supersample: number): Promise<BricksPicture[]> {
  const pictures: BricksPicture[] = [];
  for await (const picture of renderPictures(await testGpu(), cameras, supersample)) pictures.push(picture);
  return pictures;
}

/** The n-th point of a sequence that fills the cube [-1, 1] evenly (Roberts 2018, R3). */
const spread = (n: number) => [0.8191725134, 0.6710436067, 0.5497004779].map((a) => (0.5 + n * a) % 1 * 2 - 1);

Deno.test("probeBricks agrees with the float64 distances", async () => {
  const { parts, grid } = bricksGeometry();
  const points = new Float32Array(Array.from({ length: 2000 }, (_, n) => spread(n)).flat());
  const { distance, part } = await probeBricks(await testGpu(), points);
  const diagonal = Math.sqrt(3) * 2 * grid.extent / grid.cells;
  let exact = 0;
  for (let n = 0; n < 2000; n++) {
    const [x, y, z] = points.subarray(3 * n, 3 * n + 3) as unknown as [number, number, number];
    const truth = nearestPart(parts, x, y, z);
    // Far from everything the shader may step short, never far.
    assert.ok(distance[n]! <= truth.distance + 2e-6, `point ${n}: ${distance[n]} beyond ${truth.distance}`);
    if (Math.abs(truth.distance) > diagonal / 2) continue;
    exact++;
    // Worst seen 3.2e-8.
    assert.ok(Math.abs(distance[n]! - truth.distance) < 2e-6, `point ${n}: ${distance[n]}, not ${truth.distance}`);
    const other = nearestPart(parts, x, y, z, [part[n]!]).distance;
    assert.ok(Math.abs(other - truth.distance) < 2e-6, `point ${n}: part ${part[n]} is not the nearest`);
  }
  assert.ok(exact > 200, `only ${exact} points near a surface`);
});

Deno.test("renderPictures gives the depth and normals of a float64 sphere trace", async () => {
  const { parts } = bricksGeometry();
  const camera = bricksCameras("test", 5, 64)[1]!;
  const [picture] = await render([camera], 1);
  const eye = cameraCentre(camera);
  let hits = 0;
  let misses = 0;
  let wrong = 0;
  for (let n = 0; n < 400; n++) {
    const x = n * 37 % 64;
    const y = n * 23 % 64;
    const direction = rayDirection(camera, x, y);
    const truth = traceParts(parts, eye, direction, 6);
    const found = picture!.depth[y * 64 + x]!;
    const normal = picture!.normal.subarray(3 * (y * 64 + x), 3 * (y * 64 + x) + 3);
    if (truth === 0) {
      misses++;
      assert.deepEqual([...normal], [0, 0, 0]);
      if (found !== 0) wrong++;
      continue;
    }
    hits++;
    const p = eye.map((e, axis) => e + truth * direction[axis]!) as [number, number, number];
    const at = (axis: number, step: number) => {
      const q = [...p] as [number, number, number];
      q[axis]! += step;
      return nearestPart(parts, ...q).distance;
    };
    const gradient = [0, 1, 2].map((axis) => (at(axis, 1e-5) - at(axis, -1e-5)) / 2e-5);
    const cosine = gradient.reduce((sum, g, axis) => sum + g * normal[axis]!, 0) / Math.hypot(...gradient);
    assert.ok(Math.abs(Math.hypot(...normal) - 1) < 1e-5);
    // Worst seen 7.6e-5 (a grazing ray stops 1e-5 above the surface). A ray along an edge may end on either side of it.
    if (Math.abs(found - truth) > 1e-4 || cosine < 0.99) wrong++;
  }
  assert.ok(hits > 100 && misses > 100, `${hits} hits, ${misses} misses`);
  assert.ok(wrong <= 4, `${wrong} of 400 rays differ`);
});

Deno.test("renderPictures is byte-identical when run again, and independent of the batch", async () => {
  const cameras = bricksCameras("train", 3, 33);
  const together = await render(cameras, 2);
  assert.deepEqual(await render(cameras, 2), together);
  assert.deepEqual(await render([cameras[2]!], 2), [together[2]]);
});

Deno.test("renderPictures: alpha is the part of the pixel that is covered, colour is not blank", async () => {
  const [picture] = await render([bricksPortrait(48)], 4);
  const alphas = new Set<number>();
  const colours = new Set<number>();
  for (let i = 0; i < 48 * 48; i++) {
    const [r, g, b, a] = picture!.rgba.subarray(4 * i, 4 * i + 4);
    alphas.add(Math.round(a! / 255 * 16));
    assert.ok(Math.abs(a! / 255 * 16 - Math.round(a! / 255 * 16)) < 0.05, `alpha ${a} is no sixteenth`);
    if (a === 0) assert.deepEqual([r, g, b, picture!.depth[i]], [0, 0, 0, 0]);
    if (a === 255) assert.ok(picture!.depth[i]! > 2 && picture!.depth[i]! < 6);
    colours.add(r! >> 4 << 8 | g! >> 4 << 4 | b! >> 4);
  }
  assert.equal(alphas.size, 17);
  assert.ok(colours.size > 150, `only ${colours.size} colours`);
  // The toy fits into the picture.
  for (let i = 0; i < 48; i++) {
    for (const edge of [i, 47 * 48 + i, 48 * i, 48 * i + 47]) assert.equal(picture!.rgba[4 * edge + 3], 0);
  }
});

Deno.test("renderPictures: copper changes with the view, sand hardly", async () => {
  const { parts } = bricksGeometry();
  const cameras = [-70, -50].map((degrees) => {
    const angle = degrees * Math.PI / 180;
    const eye = [2.8 * Math.cos(angle), 2.8 * Math.sin(angle), 2.4] as const;
    return { ...bricksCameras("test", 1, 96)[0]!, cameraToWorld: lookAt(eye, [0, 0, 0]) };
  });
  const [a, b] = await render(cameras, 1) as [BricksPicture, BricksPicture];
  const eye = cameraCentre(cameras[0]!);
  const changes: Record<string, number[]> = { copper: [], sand: [] };
  for (let i = 0; i < 96 * 96; i++) {
    const d = a.depth[i]!;
    if (d === 0) continue;
    const ray = rayDirection(cameras[0]!, i % 96, Math.floor(i / 96));
    const p = eye.map((e, axis) => e + d * ray[axis]!) as [number, number, number];
    const list = changes[MATERIALS[parts[nearestPart(parts, ...p).part]!.material]!.name];
    const there = projectPoint(cameras[1]!, p);
    const j = Math.round(there.y) * 96 + Math.round(there.x);
    if (!list || Math.abs(b.depth[j]! - there.distance) > 0.01) continue;
    list.push(Math.max(...[0, 1, 2].map((c) => Math.abs(a.rgba[4 * i + c]! - b.rgba[4 * j + c]!))));
  }
  const median = (list: number[]) => list.sort((x, y) => x - y)[list.length >> 1]!;
  const [copper, sand] = [changes.copper!, changes.sand!];
  assert.ok(copper.length > 50 && sand.length > 50, `${copper.length} and ${sand.length} points seen twice`);
  // Seen: 12 and 1 of 255.
  assert.ok(median(copper) > 3 * median(sand), `copper changes by ${median(copper)}, sand by ${median(sand)}`);
});

Deno.test("renderPictures refuses what it cannot render", async () => {
  const cameras = bricksCameras("train", 2, 8);
  const refuses = (some: Camera[], message: RegExp, supersample = 1) =>
    assert.rejects(render(some, supersample), message);
  await refuses(cameras, /supersample from 1 to 16, found 17/, 17);
  await refuses([{ ...cameras[0]!, width: 0 }], /1 to 4096 pixels/);
  await refuses([cameras[0]!, { ...cameras[1]!, fx: 3 }], /one size and focal length/);
  assert.deepEqual(await render([], 1), []);
});

Deno.test("bricksCameras are distinct, on the upper hemisphere, and differ between splits and seeds", () => {
  const seen = new Set<string>();
  for (const [split, seed] of [["train", 0], ["train", 1], ["val", 0], ["test", 0]] as const) {
    for (const camera of bricksCameras(split, 50, 100, seed)) {
      const eye = cameraCentre(camera);
      assert.ok(Math.abs(Math.hypot(...eye) - BRICKS_RADIUS) < 1e-9 && eye[2] > 0.2);
      seen.add(eye.map((x) => x.toFixed(4)).join());
    }
  }
  assert.equal(seen.size, 200);
  assert.deepEqual(bricksCameras("test", 7, 100, 1), bricksCameras("test", 7, 100, 2));
  assert.deepEqual(bricksCameras("train", 7, 100, 5), bricksCameras("train", 9, 100, 5).slice(0, 7));
});

testInFolder("renderBricks writes a folder that openBlender reads, the same bytes each time", async (folder) => {
  const gpu = await testGpu();
  const options = { size: 16, views: { train: 3, val: 0, test: 2 }, supersample: 2, seed: 9 };
  const steps: number[] = [];
  await renderBricks(gpu, options, `${folder}/a`, (done, total) => steps.push(done / total));
  await renderBricks(gpu, options, `${folder}/b`);
  assert.deepEqual(steps, [0.2, 0.4, 0.6, 0.8, 1]);
  const files = (await sceneFiles(`${folder}/a`)).map((file) => file.slice(folder.length + 3));
  assert.equal(files.length, 3 + 5 * 3);
  for (const file of files) {
    assert.deepEqual(await Deno.readFile(`${folder}/a/${file}`), await Deno.readFile(`${folder}/b/${file}`), file);
  }
  const scene = await openBlender(`${folder}/a`);
  assert.deepEqual(scene.aabb, { min: [-1, -1, -1], max: [1, 1, 1] });
  assert.deepEqual(scene.splits.val, { views: 0, width: 0, height: 0, hasDepth: false, hasNormal: false });
  const views = await loadViews(scene, "train", { depth: true, normal: true });
  const cameras = bricksCameras("train", 3, 16, 9);
  const pictures = await render(cameras, 2);
  for (const [n, view] of views.entries()) {
    assert.deepEqual(view.camera, cameras[n]);
    assert.deepEqual(view.depth, pictures[n]!.depth);
    assert.deepEqual(view.normal, pictures[n]!.normal);
    assert.equal(view.rgba[4 * 136 + 3], Math.fround(pictures[n]!.rgba[4 * 136 + 3]! / 255));
  }
  await assert.rejects(
    renderBricks(gpu, { ...options, views: { train: 0, val: 0, test: 1 } }, `${folder}/c`),
    /at least one training view, found 0/,
  );
});
