/** Pictures of a finished run: the command line on the real device, compared with what the run's own evaluation drew. */
import assert from "node:assert/strict";
import { entryPath } from "../runner/paths.ts";
import { readPlan } from "../runner/run_folder.ts";
import { decodePng, type Picture } from "../scenes/png.ts";
import { readNpyFloat32 } from "../scenes/npy.ts";
import { randomSplats } from "../scenes/_splat_test_data.ts";
import { writeSplats } from "../scenes/splat_files.ts";
import { stripViews } from "../stages/strip.ts";
import { cameraCentre, rayDirection } from "../scenes/camera.ts";
import { loadCameras, openBlender } from "../scenes/blender.ts";
import { openField } from "./field_reader.ts";
import { programTest } from "./permissions.ts";
import { root, stillroom } from "./runner/harness.ts";

/** The last line of standard output with `--json`. */
interface Answer {
  readonly run: string;
  readonly node: string;
  readonly seed: number | null;
  readonly model: string;
  readonly camera: string;
  readonly width: number;
  readonly height: number;
  readonly frames: number;
  readonly folder: string;
  readonly files: readonly string[];
  readonly depth_range: readonly [number, number] | null;
  readonly ms_per_frame: number;
}

/** A line of a stack trace: what the user can mend is told without. */
const STACK = /^ +at .*\.ts:\d+/m;

const picture = async (path: string) => decodePng(await Deno.readFile(path), path);

async function run(folder: string, ...words: string[]): Promise<string> {
  const { code, out, err } = await stillroom(folder, "run", ...words, "--json", "--no-check");
  assert.equal(code, 0, err);
  return (JSON.parse(out.trimEnd().split("\n").at(-1)!) as { path: string }).path;
}

async function render(folder: string, ...words: string[]): Promise<Answer> {
  const { code, out, err } = await stillroom(folder, "render", ...words, "--json");
  assert.equal(code, 0, err);
  assert.equal(out.trimEnd().split("\n").length, 1, "text goes to standard error");
  return JSON.parse(out);
}

async function refuses(folder: string, words: string[], message: RegExp): Promise<void> {
  const { code, out, err } = await stillroom(folder, "render", ...words);
  assert.equal(code, 2, err);
  assert.match(err, message);
  assert.doesNotMatch(err, STACK);
  assert.equal(out, "");
}

/** The render of a view as an evaluation drew it in its strip: the second column, made small again. */
function ofStrip(strip: Picture, row: number, rows: number, side: number): Picture {
  const gap = 4, zoom = (strip.height - (rows - 1) * gap) / rows / side;
  const out: number[] = [];
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const at = 3 * ((row * (side * zoom + gap) + y * zoom) * strip.width + side * zoom + gap + x * zoom);
      out.push(...strip.data.subarray(at, at + 3));
    }
  }
  return { width: side, height: side, channels: 3, data: Uint8Array.from(out) };
}

/** Mean absolute difference of two pictures, in steps of their bytes. */
function difference(a: Picture, b: Picture): number {
  assert.deepEqual([a.width, a.height, a.channels], [b.width, b.height, b.channels]);
  return [...a.data].reduce((sum, v, i) => sum + Math.abs(v - b.data[i]!), 0) / a.data.length;
}

programTest(
  "render of a field: views as evaluate saw them, turntables, depth, and what it refuses",
  async (folder, t) => {
    const path = await run(folder, "tests/blank_student.ts", "shows=trained", "--seeds", "2");
    const plan = (await readPlan(path))!, id = plan.run;
    const key = (node: string) => plan.nodes.find(({ name }) => name === node)!.keys[0]!;
    const entry = (node: string) => entryPath({ cache: `${folder}/cache` }, key(node));

    await t.step("a test view has the bytes that the evaluation of its seed drew", async () => {
      const shown = stripViews(4);
      for (const seed of [0, 1]) {
        const strip = await picture(`${path}/evaluate/seed_${seed}/strip.png`);
        for (const view of [shown[0]!, shown[2]!]) {
          const answer = await render(folder, path, "--camera", `test:${view}`, "--seed", String(seed));
          assert.deepEqual([answer.run, answer.node, answer.seed, answer.camera], [
            id,
            "student",
            seed,
            `test:${view}`,
          ]);
          assert.equal(answer.folder, `${path}/renders/student/seed_${seed}`);
          assert.deepEqual(answer.files, [`test_${view}.png`]);
          const drawn = await picture(`${answer.folder}/test_${view}.png`);
          assert.equal(difference(drawn, ofStrip(strip, shown.indexOf(view), shown.length, 32)), 0);
        }
      }
    });

    await t.step("a turntable goes once around, and its first frame is orbit:0,20", async () => {
      const { code, out, err } = await stillroom(folder, "render", "blank_student", "--turntable", "4", "--depth");
      assert.equal(code, 0, err);
      const turn = `${path}/renders/student/seed_0/turntable_4`;
      assert.match(out, /frame_000\.png to frame_003\.png$/m);
      assert.match(out, /^Depth from [\d.]+ \(light\) to [\d.]+ \(dark\)/m);
      assert.match(out, /^[\d.]+ ms per frame \(median\)$/m);
      assert.match(out, /^A video of it: ffmpeg -framerate 4 -i \S+turntable_4\/frame_%03d\.png .*turntable\.mp4$/m);
      const frames = await Promise.all([0, 1, 2, 3].map((i) => picture(`${turn}/frame_00${i}.png`)));
      for (const [i, a] of frames.entries()) {
        for (const b of frames.slice(i + 1)) assert.ok(difference(a, b) > 1, `frame ${i} and another one are alike`);
      }
      const alone = await render(folder, id.slice(0, 20), "--camera", "orbit:0,20", "--depth");
      assert.equal(difference(await picture(`${alone.folder}/orbit_0_20.png`), frames[0]!), 0);
      const quarter = await render(folder, id, "--camera", "orbit:90,20");
      assert.ok(difference(await picture(`${quarter.folder}/orbit_90_20.png`), frames[1]!) < 0.1);

      const depth = await readNpyFloat32(`${alone.folder}/orbit_0_20_depth.npy`, [32, 32]);
      assert.deepEqual(depth, await readNpyFloat32(`${turn}/frame_000_depth.npy`, [32, 32]));
      const drawn = await picture(`${alone.folder}/orbit_0_20_depth.png`);
      const [near, far] = alone.depth_range!;
      assert.ok(near > 2 && far < 8 && near < far, `${near} to ${far}`);
      const hit = [...depth.keys()].filter((p) => depth[p]! > 0);
      assert.ok(hit.length > 50 && hit.length < 1000, `${hit.length} pixels have depth`);
      const grey = (p: number) => drawn.data[3 * p]! + drawn.data[3 * p + 1]! + drawn.data[3 * p + 2]!;
      for (const p of depth.keys()) assert.equal(grey(p) === 3 * 255, !(depth[p]! > 0), `pixel ${p}`);
      const nearest = hit.reduce((a, b) => depth[b]! < depth[a]! ? b : a);
      assert.ok(hit.every((p) => grey(p) <= grey(nearest)), "near is light");
    });

    await t.step("size, background, rays per pixel and cameras of a file", async () => {
      const out = `${folder}/out`;
      const whole = await render(folder, id, "--camera", "test:1", "--out", out);
      assert.equal(whole.folder, out);
      const corner = async (...words: string[]) => {
        const { files, width, height } = await render(folder, id, "--camera", "orbit:10,5", "--out", out, ...words);
        const drawn = await picture(`${out}/${files[0]}`);
        assert.deepEqual([drawn.width, drawn.height], [width, height]);
        return { ...drawn, corner: [...drawn.data.subarray(0, drawn.channels)] };
      };
      assert.deepEqual((await corner("--size", "24")).corner, [255, 255, 255], "the scene's own background");
      const wide = await corner("--size", "48x20", "--background", "0.2,0.4,1");
      assert.deepEqual([wide.width, wide.height, wide.channels, wide.corner], [48, 20, 3, [51, 102, 255]]);
      const clear = await corner("--background", "transparent");
      assert.deepEqual([clear.channels, clear.corner], [4, [0, 0, 0, 0]]);
      assert.ok([...clear.data].some((v, i) => i % 4 === 3 && v > 128), "the model is there");

      const view = await picture(`${out}/test_1.png`), file = `${entry("scene")}/transforms_test.json`;
      const same = await render(folder, id, "--camera", `${file}:1`, "--out", out);
      assert.deepEqual(same.files, ["transforms_test_1.png"]);
      assert.ok(difference(await picture(`${out}/transforms_test_1.png`), view) < 0.5);
      await render(folder, id, "--camera", "test:1", "--subrays", "4", "--out", out);
      const smooth = difference(await picture(`${out}/test_1.png`), view);
      assert.ok(smooth > 0.1 && smooth < 10, `four rays per pixel change it by ${smooth}`);
    });

    await t.step("a reader of field.safetensors that knows only docs/rendering.md sees the same picture", async () => {
      const out = `${folder}/read`;
      await render(folder, id, "--camera", "test:0", "--depth", "--out", out);
      const drawn = await picture(`${out}/test_0.png`);
      const depth = await readNpyFloat32(`${out}/test_0_depth.npy`, [32, 32]);
      const { camera } = (await loadCameras(await openBlender(entry("scene")), "test"))[0]!;
      const pixel = openField(await Deno.readFile(`${entry("student")}/field.safetensors`));
      let hit = 0;
      for (let p = 0; p < 32 * 32; p += 3) {
        const seen = pixel(cameraCentre(camera), rayDirection(camera, p % 32, Math.floor(p / 32)), 0.5);
        if (depth[p]! > 0) hit++;
        assert.ok(Math.abs(seen.depth - depth[p]!) < 1e-4, `depth of pixel ${p}: ${depth[p]} is not ${seen.depth}`);
        for (const [c, v] of seen.rgb.entries()) {
          // Half a step is what rounding to bytes takes away.
          const byte = 255 * (v + 1 - seen.alpha), found = drawn.data[3 * p + c]!;
          assert.ok(Math.abs(byte - found) < 0.51, `pixel ${p}, channel ${c}: ${found} is not ${byte}`);
        }
      }
      assert.ok(hit > 50, `${hit} pixels were hit`);
    });

    await t.step("the task's own permissions are enough", async () => {
      const args = ["task", "--quiet", "render", path, "--out", `${folder}/task`, "--cache-dir", `${folder}/cache`];
      const answer = await new Deno.Command("deno", { args, cwd: root, stdin: "null" }).output();
      assert.equal(answer.code, 0, new TextDecoder().decode(answer.stderr));
      assert.deepEqual((await picture(`${folder}/task/test_0.png`)).width, 32);
    });

    await t.step("what it refuses", async () => {
      await refuses(folder, ["blank_studnet"], /^Error: Unknown run blank_studnet: did you mean blank_student\?/);
      await refuses(
        folder,
        ["quickstart"],
        /^Error: quickstart was never run: deno task run experiments\/quickstart\.ts$/m,
      );
      await refuses(folder, [id, "--node", "evaluate"], /holds evaluation: models of this run are student$/m);
      await refuses(
        folder,
        [id, "--node", "studnet"],
        /Unknown node studnet of run .*: models of this run are student$/m,
      );
      await refuses(folder, [id, "--seed", "7"], /has the seeds 0, 1: found --seed 7$/m);
      await refuses(
        folder,
        [id, "--camera", "test:4"],
        /has no view test:4: it has train:0 to train:11, test:0 to test:3$/m,
      );
      await refuses(folder, [id, "--subrays", "3"], /^Error: Expected --subrays to be a square number/);
      await refuses(
        folder,
        [id, "--turntable", "2", "--out", `${path}/renders/student/seed_0/turntable_4`],
        /frame_002\.png/,
      );
      await refuses(folder, [id, "--turntable", "1"], /--turntable/);
    });

    await t.step("a run that another one shares its beginning with", async () => {
      const other = await run(folder, "tests/blank_student.ts", "shows=nothing");
      await refuses(folder, [id.slice(0, 4)], /^Error: \d{4} is the beginning of 2 runs/);
      const newest = await render(folder, "blank_student", "--camera", "test:0");
      assert.ok(newest.folder.startsWith(other) && newest.seed === null, "an experiment's name is its newest run");
    });

    await t.step("without the scene, cameras around the model still work", async () => {
      const before = await render(folder, id, "--camera", "orbit:30,20", "--size", "32", "--out", `${folder}/before`);
      await Deno.remove(entry("scene"), { recursive: true });
      const after = await render(folder, id, "--camera", "orbit:30,20", "--size", "32", "--out", `${folder}/after`);
      const [a, b] = await Promise.all([before, after].map((x) => picture(`${x.folder}/orbit_30_20.png`)));
      assert.equal(difference(a!, b!), 0);
      await refuses(
        folder,
        [id],
        /--camera test:0 needs the scene of the run, but node scene of run .* is no longer in the cache/,
      );
    });

    await t.step("a torn model, and one that is gone", async () => {
      const file = `${entry("student")}/field.safetensors`, bytes = await Deno.readFile(file);
      await Deno.writeFile(file, bytes.subarray(0, bytes.length >> 1));
      await refuses(
        folder,
        [id],
        /The model of node student cannot be read: .*field\.safetensors: Torn.* run the experiment again/s,
      );
      await Deno.remove(entry("student"), { recursive: true });
      const again =
        /The model of node student of run .* is no longer in the cache: run the experiment again: deno task run/;
      await refuses(folder, [id, "--camera", "orbit:0,0"], again);
      assert.equal(
        (await stillroom(folder, "render", id, "--seed", "1", "--camera", "orbit:0,0")).code,
        0,
        "the other seed's",
      );
    });
  },
);

programTest(
  "render of splats: the last model that was trained, or the one that is named, as evaluate saw it",
  async (folder) => {
    const path = await run(folder, "tests/small_teacher.ts");
    const strip = await picture(`${path}/evaluate/strip.png`);
    const trained = await render(folder, path, "--camera", "test:2");
    assert.deepEqual([trained.node, trained.seed], ["teacher", 0], "what the teacher exported is no training");
    const drawn = await picture(`${trained.folder}/test_2.png`);
    assert.equal(difference(drawn, ofStrip(strip, 2, 3, 32)), 0);
    const exported = await render(folder, path, "--camera", "test:2", "--node", "exported");
    assert.equal(exported.folder, `${path}/renders/exported`);
    assert.equal(difference(await picture(`${exported.folder}/test_2.png`), drawn), 0);
    await refuses(folder, [path, "--subrays", "4"], /--subrays is for fields/);
  },
);

programTest("render of a run without a scene, and of one without a model", async (folder) => {
  const file = `${folder}/brought.ply`;
  await writeSplats(file, randomSplats(200, 1));
  const path = await run(folder, "experiments/look_around.ts", "--preset", "tiny", `splats=${file}`);
  const answer = await render(folder, "look_around", "--size", "40");
  assert.deepEqual([answer.node, answer.camera, answer.files], ["splats", "orbit:0,20", ["orbit_0_20.png"]]);
  const drawn = await picture(`${answer.folder}/orbit_0_20.png`);
  assert.ok([...drawn.data].some((v) => v < 250), "something is seen");
  await refuses(folder, [path, "--camera", "test:0"], /needs the scene of the run, but this one has none/);

  const toy = await run(folder, "tests/runner/toy.ts");
  await refuses(
    folder,
    [toy],
    /^Error: Run \S+ of toy has no model that can be rendered: expected field, .* but numbers holds /m,
  );
  await Deno.remove(`${toy}/summary.json`);
  await Deno.remove(`${folder}/cache`, { recursive: true });
  await refuses(
    folder,
    [toy],
    /There is no model to render: nodes numbers, .* are not finished: wait where the run still/,
  );
});
