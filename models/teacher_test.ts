import assert from "node:assert/strict";
import { randomSplats } from "../scenes/_splat_test_data.ts";
import { type Camera, lookAt } from "../scenes/camera.ts";
import { SceneError } from "../scenes/errors.ts";
import { encodeNpy } from "../scenes/npy.ts";
import { encodeSafetensors } from "../scenes/safetensors.ts";
import { fileTest } from "../tests/permissions.ts";
import {
  loadTeacher,
  readTeacherFile,
  saveTeacher,
  type Teacher,
  TEACHER_FILES,
  type TeacherExport,
  teacherFile,
} from "./teacher.ts";

const WIDTH = 3, HEIGHT = 2;
const camera: Camera = {
  ...{ width: WIDTH, height: HEIGHT, fx: 5.1, fy: 4.9, cx: 1.4, cy: 1.1 },
  cameraToWorld: lookAt([1, 2, 3], [0.1, 0.2, 0.3]),
};

/** A teacher with two views, as `exportTeacher` leaves it: their files are written first. */
async function write(folder: string, exports: readonly TeacherExport[]): Promise<Teacher> {
  const teacher: Teacher = {
    model: { kind: "splats", splats: randomSplats(5, 1), near: 0.25, trainSeconds: 12.5 },
    split: "val",
    views: [{ name: "r_7", camera }, { name: "sample_0", camera: { ...camera, fx: 7 } }],
    folder,
    exports: Object.fromEntries(exports.map((e) => [e, true])) as Teacher["exports"],
    occupancy: {
      box: { min: [-1, -2, -1 / 3], max: [1, 2, 3] },
      resolution: 8,
      bits: Uint32Array.from({ length: 16 }, (_, i) => 0x80000001 + i),
    },
  };
  await Deno.mkdir(`${folder}/views`, { recursive: true });
  for (const [v, view] of teacher.views.entries()) {
    for (const kind of exports) {
      for (const [file, channels] of Object.entries(TEACHER_FILES[kind])) {
        const shape = channels === 1 ? [HEIGHT, WIDTH] : [HEIGHT, WIDTH, channels];
        const data = contentOf(file, channels, v);
        await Deno.writeFile(
          teacherFile(folder, view, file as keyof typeof TEACHER_FILES[typeof kind]),
          encodeNpy({ shape, data }),
        );
      }
    }
  }
  await saveTeacher(teacher, folder);
  return teacher;
}

const contentOf = (file: string, channels: number, view: number) =>
  Float32Array.from({ length: WIDTH * HEIGHT * channels }, (_, i) => file.length + view / 2 + i);

async function rejects(work: Promise<unknown>, ...wanted: (string | RegExp)[]): Promise<void> {
  await assert.rejects(work, (error) => {
    assert.ok(error instanceof SceneError, String(error));
    for (const part of wanted) {
      assert.ok(typeof part === "string" ? error.message.includes(part) : part.test(error.message), error.message);
    }
    return true;
  });
}

fileTest("a teacher comes back from disk as it was saved, wherever its folder is by then", async (folder) => {
  const exports = ["colour", "depth", "features", "statistics"] as const;
  const saved = await write(`${folder}/here`, exports);
  assert.deepEqual(await loadTeacher(`${folder}/here`), saved);
  await Deno.rename(`${folder}/here`, `${folder}/there`);
  const moved = await loadTeacher(`${folder}/there`);
  assert.deepEqual(moved, { ...saved, folder: `${folder}/there` });
  for (const [v, view] of moved.views.entries()) {
    assert.deepEqual(await readTeacherFile(moved, view, "colour"), contentOf("colour", 3, v));
    assert.deepEqual(await readTeacherFile(moved, view, "alpha"), contentOf("alpha", 1, v));
    assert.deepEqual(await readTeacherFile(moved, view, "depth"), contentOf("depth", 1, v));
    assert.deepEqual(await readTeacherFile(moved, view, "features"), contentOf("features", 52, v));
    assert.deepEqual(await readTeacherFile(moved, view, "statistics"), contentOf("statistics", 4, v));
  }
});

fileTest("saving a teacher twice writes the same bytes", async (folder) => {
  const bytes = async () => {
    const files = ["teacher.json", "occupancy.safetensors", "splats.ply", "splats.json"];
    return await Promise.all(files.map((file) => Deno.readFile(`${folder}/${file}`)));
  };
  await write(folder, ["colour"]);
  const first = await bytes();
  await saveTeacher(await loadTeacher(folder), folder);
  assert.deepEqual(await bytes(), first);
});

fileTest("reading what a teacher does not export is refused, and says what to ask for", async (folder) => {
  const teacher = await write(folder, ["colour"]), view = teacher.views[0]!;
  const refused = async (file: string, pattern: RegExp) => {
    // Types are cast away: the value decides.
    await assert.rejects(readTeacherFile(teacher, view, file as "colour"), (error) => {
      assert.ok(error instanceof TypeError);
      assert.match(error.message, pattern);
      assert.ok(error.message.includes(folder));
      return true;
    });
  };
  await refused("depth", /exports no depth: name depth in exports of exportTeacher$/);
  await refused("statistics", /exports no statistics: name statistics in exports/);
  await refused("normal", /exports no normal: there is no such file$/);
  await refused("toString", /exports no toString: there is no such file$/);
  const without = await write(`${folder}/other`, ["depth"]);
  await assert.rejects(readTeacherFile(without, view, "alpha"), /exports no alpha: name colour in exports/);
});

fileTest("a torn or missing file of a view, or one of another size, is named", async (folder) => {
  const teacher = await write(folder, ["colour", "depth"]), [view, other] = teacher.views;
  const depth = teacherFile(folder, view!, "depth");
  await Deno.truncate(depth, 100);
  await rejects(readTeacherFile(teacher, view!, "depth"), depth, /Torn \.npy file/);
  await Deno.writeFile(depth, encodeNpy({ shape: [WIDTH, HEIGHT], data: new Float32Array(6) }));
  await rejects(readTeacherFile(teacher, view!, "depth"), depth, /Expected the shape \(2, 3\), found \(3, 2\)/);
  await Deno.remove(depth);
  await rejects(readTeacherFile(teacher, view!, "depth"), depth, /File is missing/);
  assert.equal((await readTeacherFile(teacher, other!, "depth")).length, 6, "the other view is whole");
});

fileTest("a damaged teacher is an error that names the file, what is wrong and how to mend it", async (folder) => {
  await write(folder, ["colour"]);
  const mend = `To mend it, remove ${folder} and run the experiment again`;
  const broken = async (name: string, damage: (file: string) => Promise<void>, ...wanted: (string | RegExp)[]) => {
    const file = `${folder}/${name}`, whole = await Deno.readFile(file);
    await damage(file);
    await rejects(loadTeacher(folder), `${file}: `, ...wanted);
    await Deno.writeFile(file, whole);
    await loadTeacher(folder);
  };
  const cut = (file: string) => Deno.truncate(file, 60);
  const edit = (from: string | RegExp, to: string) => async (file: string) => {
    const text = await Deno.readTextFile(file);
    assert.notEqual(text.replace(from, to), text);
    await Deno.writeTextFile(file, text.replace(from, to));
  };
  await broken("teacher.json", cut, /Not valid JSON/, mend);
  await broken("teacher.json", (file) => Deno.remove(file), /File is missing/, mend);
  await broken("teacher.json", edit('"val"', '"all"'), /: split: /, mend);
  await broken("teacher.json", edit('["colour"]', '["smell"]'), /: exports\.0: /, mend);
  await broken("teacher.json", edit(/"fx":7/, '"fx":null'), /: views\.1\.fx: /, mend);
  await broken("teacher.json", edit(/,1\]/, "]"), /: views\.0\.cameraToWorld: /, mend);
  await broken("teacher.json", edit('"resolution":8', '"resolution":10'), /: occupancy\.resolution: /, mend);
  await broken("occupancy.safetensors", cut, /Torn safetensors file/);
  const renamed = encodeSafetensors({ bots: { shape: [16], data: new Uint32Array(16) } });
  const rename = (file: string) => Deno.writeFile(file, renamed);
  await broken("occupancy.safetensors", rename, /Expected the tensor bits of 16 words/, mend);
  await broken("splats.json", edit("0.25", "-1"), /: near: /, mend);
  await broken("splats.json", cut, /Not valid JSON/, mend);
  await broken("splats.ply", cut, /Torn/);
  await edit('"resolution":8', '"resolution":12')(`${folder}/teacher.json`);
  await rejects(loadTeacher(folder), `${folder}/occupancy.safetensors: Expected the tensor bits of 54 words`);
});
