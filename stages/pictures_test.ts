import assert from "node:assert/strict";
import { collectNodes } from "../runner/plan_builder.ts";
import type { StageContext } from "../runner/stage.ts";
import { testGpu } from "../scenes/_test_data.ts";
import { encodePicture, type PictureTarget, pictureTarget, readPicture } from "../scenes/picture.ts";
import { fileTest } from "../tests/permissions.ts";
import { pictures, picturesArtifact } from "./pictures.ts";

/** The node that a call adds to a plan. */
function nodeOf(args: Parameters<typeof pictures>[1]) {
  const { nodes } = collectNodes(() => pictures("target", args));
  return nodes[0]!;
}

async function run(args: Parameters<typeof pictures>[1], device?: unknown) {
  const { stage, params } = nodeOf(args);
  const context = { device, phase() {}, progress() {}, signal: { throwIfAborted() {} } } as unknown as StageContext;
  const { value, metrics } = await stage.run(context, {}, params);
  const all = value as readonly PictureTarget[];
  return { value: all[0]!, all, metrics };
}

const colours = (width: number, height: number) =>
  pictureTarget(
    "cat",
    width,
    height,
    Float64Array.from({ length: width * height * 3 }, (_, i) => (i * 41 % 256) / 255),
  );

Deno.test("pictures: a file is data whose content counts, and needs no device; bricks is rendered on one", () => {
  const file = nodeOf({ image: "some/cat.png", width: 20 });
  assert.deepEqual([file.stage.name, file.stage.device], ["pictures", false]);
  assert.deepEqual(file.stage.dataFiles(file.params), ["some/cat.png"]);
  const bricks = nodeOf({});
  assert.deepEqual([bricks.stage.name, bricks.stage.device], ["bricks_picture", true]);
  assert.deepEqual(bricks.stage.dataFiles(bricks.params), []);
});

fileTest("pictures reads a PNG, smaller where that is asked, and scores its mean colour", async (folder) => {
  const cat = colours(12, 8), image = `${folder}/cat.png`;
  await Deno.writeFile(image, encodePicture(cat));
  const whole = await run({ image });
  assert.deepEqual(whole.value, cat);
  const { width, height, psnr_constant } = whole.metrics ?? {};
  assert.deepEqual([width, height], [12, 8]);
  assert.ok(psnr_constant! > 5 && psnr_constant! < 20, String(psnr_constant));
  const small = await run({ image, width: 6 });
  assert.deepEqual([small.value.width, small.value.height], [6, 4]);
  await assert.rejects(run({ image, height: 9 }), /cat\.png: Expected a size of at most 12 x 8 pixels/);
  await Deno.writeFile(`${folder}/cat.webp`, new TextEncoder().encode("RIFF....WEBP"));
  await assert.rejects(run({ image: `${folder}/cat.webp` }), /Expected a PNG file, found WebP\. To mend it, convert/);
});

fileTest("picturesArtifact loads what was saved, beside a PNG that anybody can open", async (folder) => {
  const cat = colours(7, 5);
  await picturesArtifact.save([cat], folder);
  assert.deepEqual(await picturesArtifact.load(folder), [cat]);
  assert.deepEqual((await readPicture(`${folder}/cat.png`)).rgba, cat.rgba);
});

fileTest("pictures reads the PNG files of a folder by name, and says when there are none", async (folder) => {
  await assert.rejects(run({ image: folder }), /Expected PNG files in this folder, found none\. To mend it, name/);
  const cat = colours(6, 4);
  for (const name of ["b", "a", "c"]) await Deno.writeFile(`${folder}/${name}.png`, encodePicture(cat));
  await Deno.writeTextFile(`${folder}/notes.txt`, "no picture");
  const { all, metrics } = await run({ image: folder });
  assert.deepEqual(all.map(({ name }) => name), ["a", "b", "c"]);
  assert.equal(metrics?.pictures, 3);
  await Deno.writeFile(`${folder}/b.PNG`, encodePicture(cat));
  await assert.rejects(run({ image: folder }), /Expected one picture of each name, found b\.png beside another/);
});

Deno.test("picture renders bricks at 384 x 256, the same each time, and smaller", async () => {
  const gpu = await testGpu();
  const { value, metrics } = await run({}, gpu);
  assert.deepEqual([value.name, value.width, value.height], ["bricks", 384, 256]);
  assert.ok(metrics!.psnr_constant! > 5 && metrics!.psnr_constant! < 15, "it is not of one colour");
  assert.deepEqual((await run({}, gpu)).value, value);
  const small = await run({ height: 128 }, gpu);
  assert.deepEqual([small.value.width, small.value.height], [192, 128]);
});
