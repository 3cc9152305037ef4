import assert from "node:assert/strict";
import { FEATURE_RANGE, FEATURES_EMPTY, FEATURES_UNKNOWN, unpackSnorm4 } from "../kernels/losses/feature_loss.ts";
import { DeviceLimitError } from "../kernels/memory_plan.ts";
import { Pcg } from "../kernels/random/pcg.ts";
import { lookAt } from "../scenes/camera.ts";
import { SceneError } from "../scenes/errors.ts";
import { encodeNpy } from "../scenes/npy.ts";
import { fileTest } from "../tests/permissions.ts";
import { teacherFile, type TeacherView } from "./teacher.ts";
import { FOREGROUND_ALPHA, teacherFeatures } from "./teacher_features.ts";

const WIDTH = 5, HEIGHT = 4, PIXELS = WIDTH * HEIGHT;
/** Half a step of the table. */
const HALF_STEP = FEATURE_RANGE / 127 / 2;
/** A channel that is the same everywhere, one that is always 0, and one with a pixel far from the others. */
const CONSTANT = 7, ZERO = 9, OUTLIER = 3;

type Data = Record<"alpha" | "features" | "statistics", Float32Array<ArrayBuffer>>;
type Teacher = Parameters<typeof teacherFeatures<"features" | "statistics">>[0];

/** A teacher of random images; channel 50 lies 1700 times its deviation from 0. */
async function write(folder: string, views: number): Promise<{ teacher: Teacher; data: Data[] }> {
  const rng = new Pcg(5, views);
  const data = Array.from({ length: views }, (_, v) => {
    // Free rays, rays that are almost free, and others.
    const alpha = Float32Array.from({ length: PIXELS }, () => [0, 0.002, rng.uniform(0.1, 1), 1][rng.integer(4)]!);
    if (v === 0) alpha[0] = 1;
    const features = Float32Array.from({ length: PIXELS * 52 }, (_, i) => {
      const c = i % 52, p = Math.floor(i / 52);
      if (v === 0 && p === 0 && c === OUTLIER) return 100;
      return alpha[p]! *
        (c === ZERO ? 0 : c === CONSTANT ? -4.7 : c === 50 ? rng.uniform(999, 1001) : rng.uniform(c - 2, c));
    });
    const statistics = Float32Array.from({ length: PIXELS * 4 }, (_, i) => alpha[i >> 2]! > 0 ? rng.uniform(-1, 2) : 0);
    return { alpha, features, statistics };
  });
  const lens = { width: WIDTH, height: HEIGHT, fx: 5, fy: 5, cx: 2.5, cy: 2 };
  const camera = { ...lens, cameraToWorld: lookAt([1, 2, 3], [0, 0, 0]) };
  const named: TeacherView[] = data.map((_, v) => ({ name: `r_${v}`, camera }));
  await Deno.mkdir(`${folder}/views`);
  for (const [v, view] of named.entries()) {
    for (const [file, values] of Object.entries(data[v]!)) {
      const channels = values.length / PIXELS, shape = [HEIGHT, WIDTH, ...(channels > 1 ? [channels] : [])];
      const path = teacherFile(folder, view, file as keyof Data);
      await Deno.writeFile(path, encodeNpy({ shape, data: values }));
    }
  }
  return { teacher: { folder, views: named, exports: { colour: true, features: true, statistics: true } }, data };
}

/** The features of a pixel, all divided by opacity. */
const unpremultiplied = ({ alpha, features, statistics }: Data, p: number, withStatistics: boolean) => [
  ...Array.from(features.subarray(52 * p, 52 * p + 52), (f) => f / alpha[p]!),
  ...(withStatistics ? statistics.subarray(4 * p, 4 * p + 4) : []),
];

/** Mean and deviation of one channel over foreground pixels, in two passes. */
function momentsOf(data: readonly Data[], c: number): { mean: number; deviation: number } {
  const values = data.flatMap((d) =>
    [...d.alpha].flatMap((a, p) => a > FOREGROUND_ALPHA ? [unpremultiplied(d, p, true)[c]!] : [])
  );
  const mean = values.reduce((a, b) => a + b) / values.length;
  return { mean, deviation: Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length) };
}

const close = (got: number, want: number, tolerance: number, what: string) =>
  assert.ok(Math.abs(got - want) <= tolerance, `${what}: ${got}, expected ${want}`);

fileTest("teacherFeatures holds alpha (f / alpha - mean) / deviation of every foreground pixel", async (folder) => {
  const { teacher, data } = await write(folder, 3);
  for (const kinds of [["features"], ["features", "statistics"]] as const) {
    const made = await teacherFeatures(teacher, { kinds, mostBytes: 1e6 });
    const channels = kinds.length > 1 ? 56 : 52, words = channels / 4;
    assert.equal(made.channels, channels);
    assert.equal(made.views, 3);
    assert.equal(made.index.length, 3 * PIXELS);
    let row = 0, clipped = 0;
    for (const [v, d] of data.entries()) {
      for (let p = 0; p < PIXELS; p++) {
        const at = made.index[v * PIXELS + p]!, alpha = d.alpha[p]!;
        if (alpha <= FOREGROUND_ALPHA) {
          assert.equal(at, FEATURES_EMPTY);
          continue;
        }
        assert.equal(at, row++);
        for (const [c, f] of unpremultiplied(d, p, kinds.length > 1).entries()) {
          const { mean, deviation } = momentsOf(data, c);
          const flat = c === CONSTANT || c === ZERO;
          const z = flat ? 0 : alpha * (f - mean) / deviation;
          if (Math.abs(z) > FEATURE_RANGE) clipped++;
          const want = Math.max(-FEATURE_RANGE, Math.min(FEATURE_RANGE, z));
          const got = unpackSnorm4(made.rows[at * words + (c >> 2)]!, c & 3) * FEATURE_RANGE;
          close(got, want, HALF_STEP + 1e-6, `view ${v}, pixel ${p}, channel ${c}`);
          close(made.mean[c]!, mean, 1e-9 * (1 + Math.abs(mean)), `mean of channel ${c}`);
          close(made.deviation[c]!, flat ? 0 : deviation, 1e-9 * (1 + deviation), `deviation of channel ${c}`);
        }
      }
    }
    assert.equal(made.rows.length, row * words);
    assert.equal(clipped, 1, "the outlier");
    assert.equal(made.clippedShare, 1 / (row * channels));
  }
});

fileTest("teacherFeatures takes as many views as fit, evenly spread, and says how many", async (folder) => {
  const { teacher, data } = await write(folder, 7);
  const count = (v: number) => data[v]!.alpha.filter((a) => a > FOREGROUND_ALPHA).length;
  const rows = (views: readonly number[]) => views.reduce((sum, v) => sum + count(v), 0);
  const build = (mostBytes: number) => teacherFeatures(teacher, { kinds: ["features"], mostBytes });
  const known = ({ index }: { index: Uint32Array }) =>
    teacher.views.flatMap((_, v) => {
      const part = index.subarray(v * PIXELS, (v + 1) * PIXELS);
      const unknown = part.filter((i) => i === FEATURES_UNKNOWN).length;
      assert.ok(unknown === 0 || unknown === PIXELS, `view ${v} is known in part`);
      return unknown === 0 ? [v] : [];
    });
  const all = await build(52 * rows([0, 1, 2, 3, 4, 5, 6]));
  assert.deepEqual([all.views, known(all)], [7, [0, 1, 2, 3, 4, 5, 6]]);
  const three = await build(52 * rows([1, 3, 5]) + 51);
  assert.deepEqual([three.views, known(three), three.rows.length], [3, [1, 3, 5], 13 * rows([1, 3, 5])]);
  const one = await build(52 * count(3));
  assert.deepEqual([one.views, known(one)], [1, [3]]);
  const { mean } = momentsOf([data[3]!], 0);
  close(one.mean[0]!, mean, 1e-9, "mean over the views that are used");
  await assert.rejects(build(52 * count(3) - 1), (error) => {
    assert.ok(error instanceof DeviceLimitError);
    assert.match(error.message, /^Features of one of the teacher's 7 views need more than the 0\.00 MiB/);
    return true;
  });
});

fileTest("teacherFeatures numbers the pixels of the views it is given", async (folder) => {
  const { teacher } = await write(folder, 3);
  const options = { kinds: ["features"], mostBytes: 1e6 } as const;
  const [a, , c] = teacher.views;
  const alone = await teacherFeatures(teacher, { ...options, views: [c!] });
  const both = await teacherFeatures(teacher, { ...options, views: [c!, a!] });
  assert.equal(both.index.length, 2 * PIXELS);
  assert.deepEqual(both.index.subarray(0, PIXELS), alone.index);
});

fileTest("teacherFeatures refuses numbers that are not finite, and a teacher that shows nothing", async (folder) => {
  const { teacher, data } = await write(folder, 2);
  const build = () => teacherFeatures(teacher, { kinds: ["features", "statistics"], mostBytes: 1e6 });
  const rejects = (file: string, pattern: RegExp) =>
    assert.rejects(build(), (error) => {
      assert.ok(error instanceof SceneError);
      assert.equal(error.file, file);
      assert.match(error.message, pattern);
      return true;
    });
  const view = teacher.views[1]!;
  for (const [file, value] of [["alpha", NaN], ["features", Infinity], ["statistics", NaN]] as const) {
    const path = teacherFile(folder, view, file), whole = await Deno.readFile(path);
    const damaged = data[1]![file].slice();
    damaged[11] = value;
    const channels = damaged.length / PIXELS, shape = [HEIGHT, WIDTH, ...(channels > 1 ? [channels] : [])];
    await Deno.writeFile(path, encodeNpy({ shape, data: damaged }));
    await rejects(path, new RegExp(`Expected finite numbers, found ${value} at element 11`));
    await Deno.writeFile(path, whole);
  }
  for (const v of teacher.views) {
    const path = teacherFile(folder, v, "alpha");
    await Deno.writeFile(path, encodeNpy({ shape: [HEIGHT, WIDTH], data: new Float32Array(PIXELS) }));
  }
  await rejects(folder, /No pixel of the teacher's views shows anything/);
});
