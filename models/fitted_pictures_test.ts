import assert from "node:assert/strict";
import { GAUSSIAN_FLOATS } from "../kernels/gaussians/gaussian_layout.ts";
import { SceneError } from "../scenes/errors.ts";
import { fileTest } from "../tests/permissions.ts";
import { type CodedPictures, loadCodedPictures, saveCodedPictures } from "./coded_pictures.ts";
import { type FittedPictures, loadFittedPictures, saveFittedPictures } from "./fitted_pictures.ts";

/** Two pictures of different sizes and settings, with numbers that text would round. */
const fitted: FittedPictures = {
  kind: "fitted",
  pictures: [
    {
      name: "a",
      gaussians: {
        ...{ width: 20, height: 10, count: 3, parameterisation: "cholesky", blend: "sum", opaque: true },
        values: Float32Array.from({ length: 3 * GAUSSIAN_FLOATS }, (_, i) => Math.fround(1 / (i + 3)) - 0.1),
      },
    },
    {
      name: "b.c",
      gaussians: {
        ...{ width: 7, height: 9, count: 0, parameterisation: "rotation_scale", blend: "top_k", opaque: false },
        values: new Float32Array(),
      },
    },
  ],
  ...{ psnr: 31.25, stepsTo30: 40, trainSeconds: 1.5 },
};

/** What is wrong with a folder whose file was replaced. */
async function refused(folder: string, file: string, bytes: Uint8Array | string | undefined): Promise<string> {
  const path = `${folder}/${file}`, before = await Deno.readFile(path);
  if (bytes === undefined) await Deno.remove(path);
  else if (typeof bytes === "string") await Deno.writeTextFile(path, bytes);
  else await Deno.writeFile(path, bytes);
  let message = "";
  await assert.rejects(loadFittedPictures(folder), (error) => {
    assert.ok(error instanceof SceneError, String(error));
    assert.ok(error.message.startsWith(`${path}: `), error.message);
    message = error.message.slice(path.length + 2);
    return true;
  });
  await Deno.writeFile(path, before);
  return message;
}

fileTest("loadFittedPictures gives back what was saved, bit by bit", async (folder) => {
  await saveFittedPictures(fitted, folder);
  assert.deepEqual(await loadFittedPictures(folder), fitted);
  const perfect = `${folder}/perfect`;
  await Deno.mkdir(perfect);
  // Of pictures that are matched exactly.
  const { stepsTo30: _, ...never } = { ...fitted, psnr: Infinity };
  await saveFittedPictures(never, perfect);
  assert.deepEqual(await loadFittedPictures(perfect), never);
});

fileTest("loadFittedPictures names the file that is missing or damaged, and how to mend it", async (folder) => {
  await saveFittedPictures(fitted, folder);
  const mend = `To mend it, remove ${folder} and run the experiment again`;
  const settings = await Deno.readTextFile(`${folder}/gaussians.json`);
  const tensors = await Deno.readFile(`${folder}/a.safetensors`);
  for (
    const [file, bytes, pattern] of [
      ["gaussians.json", undefined, /^File is missing/],
      ["gaussians.json", settings.slice(0, -5), /^Not valid JSON/],
      ["gaussians.json", settings.replace('"sum"', '"product"'), /^pictures\.0\.blend: /],
      ["gaussians.json", settings.replace('"count":3', '"count":-3'), /^pictures\.0\.count: /],
      ["gaussians.json", settings.replace('"trainSeconds"', '"trainHours"'), /^trainSeconds: /],
    ] as const
  ) {
    const message = await refused(folder, file, bytes);
    assert.match(message, pattern);
    assert.ok(message.endsWith(mend), message);
  }
  assert.match(await refused(folder, "a.safetensors", undefined), /^File is missing/);
  for (const length of [0, 7, 60, tensors.length - 1]) await refused(folder, "a.safetensors", tensors.slice(0, length));
  assert.deepEqual(await loadFittedPictures(folder), fitted, "all is well again");
  // A file that is whole, but of another number of Gaussians.
  await Deno.writeTextFile(`${folder}/gaussians.json`, settings.replace('"count":3', '"count":4'));
  await assert.rejects(loadFittedPictures(folder), /a\.safetensors: Expected 48 f32 values\. To mend it, remove /);
});

fileTest("loadCodedPictures gives back what was saved, and names a file that is missing or no JSON", async (folder) => {
  const coded: CodedPictures = {
    kind: "coded",
    pictures: [{ name: "a", fitted: 3, file: Uint8Array.of(0, 1, 255, 13, 10) }, {
      name: "pictures",
      fitted: 0,
      file: new Uint8Array(),
    }],
    trainSeconds: 2.5,
  };
  await saveCodedPictures(coded, folder);
  assert.deepEqual(await loadCodedPictures(folder), coded);
  assert.deepEqual(
    await Deno.readFile(`${folder}/a.sgi`),
    coded.pictures[0]!.file,
    "a file that anybody can take away",
  );
  await Deno.remove(`${folder}/a.sgi`);
  await assert.rejects(
    loadCodedPictures(folder),
    (error) => error instanceof SceneError && error.message.startsWith(`${folder}/a.sgi: File is missing`),
  );
  await Deno.writeTextFile(`${folder}/pictures.json`, '{"names": ["a"]}');
  await assert.rejects(
    loadCodedPictures(folder),
    (error) =>
      error instanceof SceneError && error.message.startsWith(`${folder}/pictures.json: trainSeconds: `) &&
      error.message.endsWith(`To mend it, remove ${folder} and run the experiment again`),
  );
});
