import assert from "node:assert/strict";
import { testInFolder, testOnData } from "./_test_data.ts";
import { loadCameras, loadViews, openBlender, sceneFiles } from "./blender.ts";
import { cameraCentre, lookAt, projectPoint, rayDirection } from "./camera.ts";
import { encodeNpy } from "./npy.ts";
import { encodePng } from "./png.ts";
import type { View } from "./scene.ts";

const SIZE = 4;
// Straight RGBA: colour under alpha 0 is loud, so that it shows when it is not multiplied away.
const pixels = (seed: number) =>
  Uint8Array.from({ length: SIZE * SIZE * 4 }, (_, i) => {
    if (i % 4 === 3) return [0, 255, 128, 255][(i >> 2) % 4]!;
    return (i >> 2) % 4 === 0 ? 255 : (i * 29 + seed * 50) % 256;
  });
const png = (seed: number) => encodePng({ width: SIZE, height: SIZE, channels: 4, data: pixels(seed) });
const depths = Float32Array.from({ length: SIZE * SIZE }, (_, i) => i % 4 === 0 ? 0 : 2 + i / 16);
const rows = (m: Float64Array) => [0, 4, 8, 12].map((row) => [...m.subarray(row, row + 4)]);

interface Json {
  camera_angle_x: unknown;
  frames: Record<string, unknown>[];
  [key: string]: unknown;
}

/** Writes a small whole scene: two training views with depth and normals, one for validation, one for tests. */
async function writeScene(folder: string): Promise<void> {
  for (const [split, count] of [["train", 2], ["val", 1], ["test", 1]] as const) {
    await Deno.mkdir(`${folder}/${split}`);
    const json: Json = { camera_angle_x: 0.7, frames: [] };
    for (let n = 0; n < count; n++) {
      await Deno.writeFile(`${folder}/${split}/r_${n}.png`, png(n));
      const frame: Record<string, unknown> = {
        file_path: `./${split}/r_${n}`,
        transform_matrix: rows(lookAt([n + 1, 2, 3], [0, 0, 0])),
      };
      if (split === "train") {
        await Deno.writeFile(`${folder}/train/d${n}.npy`, encodeNpy({ shape: [SIZE, SIZE], data: depths }));
        const normals = new Float32Array(SIZE * SIZE * 3).map((_, i) => i % 3 === 2 ? 1 : 0);
        await Deno.writeFile(`${folder}/train/n${n}.npy`, encodeNpy({ shape: [SIZE, SIZE, 3], data: normals }));
        Object.assign(frame, { depth_file_path: `train/d${n}.npy`, normal_file_path: `train/n${n}.npy` });
      }
      if (split === "test") {
        const grey = Uint8Array.from({ length: SIZE * SIZE }, (_, i) => i * 16);
        await Deno.writeFile(
          `${folder}/test/r_0_depth_0012.png`,
          encodePng({ width: SIZE, height: SIZE, channels: 1, data: grey }),
        );
      }
      json.frames.push(frame);
    }
    await Deno.writeTextFile(`${folder}/transforms_${split}.json`, JSON.stringify(json));
  }
}

async function editJson(file: string, edit: (json: Json) => void): Promise<void> {
  const json = JSON.parse(await Deno.readTextFile(file));
  edit(json);
  await Deno.writeTextFile(file, JSON.stringify(json));
}

/** A test on a scene that `spoil` has damaged: opening or loading it must say `message`. */
function refused(criterion: string, spoil: (folder: string) => Promise<void>, message: RegExp): void {
  testInFolder(`openBlender refuses ${criterion}`, async (folder) => {
    await writeScene(folder);
    await spoil(folder);
    await assert.rejects(async () => {
      const scene = await openBlender(folder);
      await loadViews(scene, "train", { depth: true, normal: true });
    }, (error: Error) => {
      assert.equal(error.name, "SceneError");
      assert.ok(error.message.startsWith(folder), error.message);
      assert.match(error.message, message);
      assert.match(error.message, /To mend it, /);
      return true;
    });
  });
}

testInFolder("openBlender describes a scene and survives JSON", async (folder) => {
  await writeScene(folder);
  const scene = await openBlender(folder, { downscale: 2 });
  const none = { width: 2, height: 2, hasDepth: false, hasNormal: false };
  assert.deepEqual(scene, {
    name: folder.split("/").at(-1),
    folder,
    downscale: 2,
    near: 2,
    far: 6,
    aabb: { min: [-1.5, -1.5, -1.5], max: [1.5, 1.5, 1.5] },
    background: [1, 1, 1],
    splits: {
      train: { ...none, views: 2, hasDepth: true, hasNormal: true },
      val: { ...none, views: 1 },
      test: { ...none, views: 1, hasDepth: true },
    },
  });
  assert.deepEqual(JSON.parse(JSON.stringify(scene)), scene);
});

testInFolder("openBlender takes near, far and aabb from the training file", async (folder) => {
  await writeScene(folder);
  await editJson(`${folder}/transforms_train.json`, (json) => {
    Object.assign(json, { near: 1, far: 9, aabb: [[-1, -2, -3], [1, 2, 3]] });
  });
  const scene = await openBlender(folder);
  assert.deepEqual([scene.near, scene.far, scene.aabb], [1, 9, { min: [-1, -2, -3], max: [1, 2, 3] }]);
});

testInFolder("loadViews multiplies colour by alpha and keeps order, names and cameras", async (folder) => {
  await writeScene(folder);
  const scene = await openBlender(folder);
  const [second, first] = await loadViews(scene, "train", { indices: [1, 0] });
  assert.deepEqual([second!.name, second!.index, first!.name, first!.index], ["r_1", 1, "r_0", 0]);
  assert.equal(second!.depth, undefined);
  const straight = pixels(1);
  for (let i = 0; i < straight.length; i += 4) {
    const a = straight[i + 3]! / 255;
    assert.equal(second!.rgba[i + 3], Math.fround(a));
    for (let c = 0; c < 3; c++) assert.ok(Math.abs(second!.rgba[i + c]! - straight[i + c]! / 255 * a) < 1e-7);
  }
  assert.deepEqual(cameraCentre(second!.camera).map((x) => Math.round(x * 1e9) / 1e9), [2, 2, 3]);
  assert.equal(second!.camera.fx, 0.5 * SIZE / Math.tan(0.35));
  assert.deepEqual(
    await loadCameras(scene, "train"),
    [first, second].map((v) => ({ name: v!.name, camera: v!.camera })),
  );
});

testInFolder("loadViews downscales by area, premultiplied; depth and normals only of whole blocks", async (folder) => {
  await writeScene(folder);
  const whole = (await loadViews(await openBlender(folder), "train"))[0]!;
  const scene = await openBlender(folder, { downscale: 2 });
  const [view] = await loadViews(scene, "train", { depth: true, normal: true });
  for (let y = 0; y < 2; y++) {
    for (let x = 0; x < 2; x++) {
      const block = [0, 1, SIZE, SIZE + 1].map((o) => 2 * y * SIZE + 2 * x + o);
      for (let c = 0; c < 4; c++) {
        const mean = block.reduce((sum, i) => sum + whole.rgba[4 * i + c]!, 0) / 4;
        assert.ok(Math.abs(view!.rgba[4 * (2 * y + x) + c]! - mean) < 1e-7);
      }
      const valid = block.every((i) => depths[i]! > 0);
      const mean = block.reduce((sum, i) => sum + depths[i]!, 0) / 4;
      assert.equal(view!.depth![2 * y + x], valid ? mean : 0);
    }
  }
  assert.deepEqual([...view!.depth!].map((d) => d > 0), [false, true, false, true]);
  assert.deepEqual([...view!.normal!], [0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1]);
  assert.equal(view!.camera.width, 2);
  assert.equal(view!.camera.fx, 0.5 * 2 / Math.tan(0.35));
});

testInFolder("loadViews reads NeRF-synthetic depth pictures where alpha is 255", async (folder) => {
  await writeScene(folder);
  const [view] = await loadViews(await openBlender(folder), "test", { depth: true });
  for (let i = 0; i < SIZE * SIZE; i++) {
    const valid = [0, 255, 128, 255][i % 4] === 255 && i * 16 > 0;
    assert.equal(view!.depth![i], valid ? Math.fround(8 * (1 - i * 16 / 255)) : 0);
  }
});

testInFolder("loadViews refuses indices outside the split and depth that is not there", async (folder) => {
  await writeScene(folder);
  const scene = await openBlender(folder);
  await assert.rejects(loadViews(scene, "train", { indices: [0, 2] }), /indices of train views below 2, found 2/);
  await assert.rejects(loadViews(scene, "train", { indices: [0.5] }), /found 0.5/);
  await assert.rejects(loadViews(scene, "val", { depth: true }), /val\/r_0\.png: The val view has no depth/);
  assert.deepEqual(await loadViews(scene, "train", { indices: [] }), []);
});

testInFolder("sceneFiles lists every file once", async (folder) => {
  await writeScene(folder);
  const names = (await sceneFiles(folder)).map((file) => file.slice(folder.length + 1));
  assert.deepEqual(names, [
    "test/r_0.png",
    "test/r_0_depth_0012.png",
    "train/d0.npy",
    "train/d1.npy",
    "train/n0.npy",
    "train/n1.npy",
    "train/r_0.png",
    "train/r_1.png",
    "transforms_test.json",
    "transforms_train.json",
    "transforms_val.json",
    "val/r_0.png",
  ]);
  assert.equal((await sceneFiles(folder, ["val"])).length, 2);
});

testInFolder("openBlender refuses a downscale that does not divide", async (folder) => {
  await writeScene(folder);
  await assert.rejects(
    openBlender(folder, { downscale: 3 }),
    /4 x 4 cannot be divided by downscale 3.* one of 1, 2, 4$/,
  );
  await assert.rejects(openBlender(folder, { downscale: 0 }), /whole number of at least 1, found 0/);
  await assert.rejects(openBlender(folder, { downscale: 1.5 }), /found 1.5/);
});

const train = "transforms_train.json";
const frame = (folder: string, edit: (frame: Record<string, unknown>) => void) =>
  editJson(`${folder}/${train}`, (json) => edit(json.frames[1]!));
const matrix = (folder: string, edit: (m: number[][]) => void) =>
  frame(folder, (f) => edit(f.transform_matrix as number[][]));

refused(
  "a missing folder",
  (f) => Deno.remove(f, { recursive: true }).then(() => Deno.mkdir(f)),
  /transforms_train\.json: File is missing/,
);
refused("a missing split", (f) => Deno.remove(`${f}/transforms_val.json`), /transforms_val\.json: File is missing/);
refused("a cut JSON file", (f) => Deno.truncate(`${f}/${train}`, 100), /transforms_train\.json: Not valid JSON/);
refused("bytes that are no text", (f) => Deno.writeFile(`${f}/${train}`, Uint8Array.of(0xff)), /Not valid JSON/);
refused("JSON of another kind", (f) => Deno.writeTextFile(`${f}/${train}`, "[]"), /The whole: .*expected object/);
refused("a missing angle", (f) => editJson(`${f}/${train}`, (j) => delete j.camera_angle_x), /camera_angle_x: /);
refused("an angle in degrees", (f) => editJson(`${f}/${train}`, (j) => j.camera_angle_x = 39), /camera_angle_x: /);
refused("no training frames", async (f) => {
  await editJson(`${f}/${train}`, (j) => j.frames = []);
}, /Expected at least one frame/);
refused("a missing pose", (f) => frame(f, (x) => delete x.transform_matrix), /frames\.1\.transform_matrix: /);
refused("a pose of 3 rows", (f) => matrix(f, (m) => m.pop()), /frames\.1\.transform_matrix: /);
refused("a pose that is not finite", async (f) => {
  const text = await Deno.readTextFile(`${f}/${train}`);
  await Deno.writeTextFile(`${f}/${train}`, text.replace(/\[\[[^,]*,/, "[[1e999,"));
}, /frames\.0\.transform_matrix\.0\.0: .*Infinity/);
refused(
  "a scaled pose",
  (f) => matrix(f, (m) => m[0]![0]! += 0.5),
  /frames\.1\.transform_matrix \(.*r_1\) has a column 0 of length/,
);
refused(
  "a missing picture",
  (f) => Deno.remove(`${f}/train/r_1.png`),
  /train\/r_1\.png: Picture is missing \(frames\.1 of .*train\.json/,
);
refused(
  "fewer frames than pictures",
  (f) => editJson(`${f}/${train}`, (j) => j.frames.pop()),
  /Wrong frame count: it lists 1 frames but .*train holds 2 pictures \(r_1\.png is not listed\)/,
);
refused(
  "the same picture twice",
  (f) => frame(f, (x) => x.file_path = "train/r_0.png"),
  /names .*r_0\.png again \(as frames\.0\)/,
);
refused("JPEG", (f) => frame(f, (x) => x.file_path = "train/r_1.jpg"), /is a \.jpg file, expected PNG/);
refused("a cut picture", (f) => Deno.truncate(`${f}/train/r_1.png`, 90), /train\/r_1\.png: Torn or damaged PNG/);
refused("an empty picture", (f) => Deno.truncate(`${f}/val/r_0.png`, 0), /val\/r_0\.png: Torn or damaged PNG/);
refused(
  "RGB",
  (f) =>
    Deno.writeFile(`${f}/train/r_1.png`, encodePng({ width: 4, height: 4, channels: 3, data: new Uint8Array(48) })),
  /r_1\.png: Expected 8-bit RGBA, found 8-bit RGB\. To mend it, add an alpha channel/,
);
refused(
  "16 bits",
  (f) =>
    Deno.writeFile(`${f}/train/r_1.png`, encodePng({ width: 4, height: 4, channels: 4, data: new Uint16Array(64) })),
  /r_1\.png: Expected 8-bit RGBA, found 16-bit RGBA/,
);
refused(
  "mixed sizes",
  (f) =>
    Deno.writeFile(`${f}/train/r_1.png`, encodePng({ width: 2, height: 4, channels: 4, data: new Uint8Array(32) })),
  /r_1\.png: Mixed sizes in one split: expected 4 x 4 as in .*r_0\.png, found 2 x 4/,
);
refused("missing depth", (f) => Deno.remove(`${f}/train/d1.npy`), /d1\.npy: File is missing/);
refused(
  "depth of another size",
  (f) => Deno.writeFile(`${f}/train/d1.npy`, encodeNpy({ shape: [2, 2], data: new Float32Array(4) })),
  /d1\.npy: Expected the shape \(4, 4\), found \(2, 2\)/,
);
refused(
  "negative depth",
  (f) => Deno.writeFile(`${f}/train/d1.npy`, encodeNpy({ shape: [4, 4], data: new Float32Array(16).fill(-1) })),
  /d1\.npy: Expected distances >= 0/,
);
refused(
  "normals that are no unit vectors",
  (f) => Deno.writeFile(`${f}/train/n1.npy`, encodeNpy({ shape: [4, 4, 3], data: new Float32Array(48).fill(2) })),
  /n1\.npy: Expected unit normals, found 2/,
);
refused(
  "near beyond far",
  (f) => editJson(`${f}/${train}`, (j) => Object.assign(j, { near: 7, far: 6 })),
  /Expected near < far/,
);
refused(
  "a box that is inside out",
  (f) => editJson(`${f}/${train}`, (j) => j.aabb = [[1, 1, 1], [0, 0, 0]]),
  /Expected aabb/,
);

testInFolder("openBlender names the JSON file that is cut, wherever it is cut", async (folder) => {
  await writeScene(folder);
  const file = `${folder}/transforms_val.json`;
  const bytes = await Deno.readFile(file);
  for (let end = 0; end < bytes.length; end++) {
    await Deno.writeFile(file, bytes.subarray(0, end));
    await assert.rejects(openBlender(folder), (error: Error) => error.message.startsWith(file), `cut at ${end}`);
  }
});

/** Mean over views of -10 log10 of the mean squared error of a constant colour, over white, in float64. */
function psnrOfConstant(views: readonly View[], colour: readonly number[]): number {
  let sum = 0;
  for (const { rgba } of views) {
    let squares = 0;
    for (let i = 0; i < rgba.length; i += 4) {
      for (let c = 0; c < 3; c++) squares += (rgba[i + c]! + 1 - rgba[i + 3]! - colour[c]!) ** 2;
    }
    sum += -10 * Math.log10(squares / (rgba.length / 4 * 3));
  }
  return sum / views.length;
}

testOnData("loadViews of LEGO scores 9.488337 dB against white and 10.675542 dB against its mean", async (folder) => {
  const scene = await openBlender(`${folder}/lego400`);
  assert.deepEqual([scene.splits.train.views, scene.splits.val.views, scene.splits.test.views], [100, 25, 100]);
  const views = await loadViews(scene, "test");
  const mean = [0, 1, 2].map((c) => {
    let sum = 0;
    for (const { rgba } of views) for (let i = 0; i < rgba.length; i += 4) sum += rgba[i + c]! + 1 - rgba[i + 3]!;
    return sum / (views.length * 400 * 400);
  });
  assert.ok(Math.abs(psnrOfConstant(views, [1, 1, 1]) - 9.488337) < 1e-6);
  assert.ok(Math.abs(psnrOfConstant(views, mean) - 10.675542) < 1e-6);
});

testOnData("loadViews of LEGO: depth of one view lands on the surface of the next", async (folder) => {
  const scene = await openBlender(`${folder}/lego400`, { downscale: 4 });
  const [a, b] = await loadViews(scene, "test", { indices: [0, 1], depth: true });
  const errors: number[] = [];
  const eye = cameraCentre(a!.camera);
  for (let y = 0; y < 100; y++) {
    for (let x = 0; x < 100; x++) {
      const d = a!.depth![y * 100 + x]!;
      if (d === 0) continue;
      const ray = rayDirection(a!.camera, x, y);
      const hit = projectPoint(b!.camera, [eye[0] + d * ray[0], eye[1] + d * ray[1], eye[2] + d * ray[2]]);
      const there = b!.depth![Math.round(hit.y) * 100 + Math.round(hit.x)];
      if (there) errors.push(Math.abs(there - hit.distance));
    }
  }
  errors.sort((x, y) => x - y);
  assert.ok(errors.length > 2000, `only ${errors.length} points seen twice`);
  // The depth pictures have steps of 0.031; the median error seen is 0.0111.
  assert.ok(errors[errors.length >> 1]! < 0.02, `median error ${errors[errors.length >> 1]}`);
});

testOnData("openBlender refuses LEGO at a downscale that does not divide 400", async (folder) => {
  await assert.rejects(
    openBlender(`${folder}/lego400`, { downscale: 3 }),
    /400 x 400 cannot be divided by downscale 3/,
  );
});
