import assert from "node:assert/strict";
import fc from "fast-check";
import { testInFolder, testOnData } from "./_test_data.ts";
import {
  decodePicture,
  encodePicture,
  oneColourScores,
  pictureBytes,
  pictureName,
  pictureTarget,
  readPicture,
  reduceByArea,
  reducedSize,
  rgbOverWhite,
  targetOf,
} from "./picture.ts";

const near = (a: ArrayLike<number>, b: readonly number[], within = 1e-12) => {
  assert.equal(a.length, b.length);
  for (let i = 0; i < b.length; i++) assert.ok(Math.abs(a[i]! - b[i]!) <= within, `${i}: ${a[i]} for ${b[i]}`);
};
/** One channel as three. */
const grey = (...values: number[]) =>
  Float64Array.from({ length: values.length * 3 }, (_, i) => values[Math.floor(i / 3)]!);

Deno.test("pictureTarget packs red into the lowest byte, alpha 255, and rounds half up", () => {
  const target = pictureTarget("x", 2, 1, [1, 0.5, 0, 1.49 / 255, 1.5 / 255, 254.6 / 255]);
  assert.deepEqual([...target.rgba], [0xff0080ff, 0xffff0201]);
  near(target.rgb, [1, 128 / 255, 0, 1 / 255, 2 / 255, 1]);
  assert.deepEqual([...pictureBytes(target)], [255, 128, 0, 1, 2, 255]);
  assert.throws(() => pictureTarget("x", 2, 2, [0, 0, 0]), /^RangeError: Expected 2 x 2 x 3 = 12 samples, found 3$/);
});

Deno.test("rgbOverWhite: grey three times, alpha over white, in 8 and in 16 bits", () => {
  const of = (channels: 1 | 2 | 3 | 4, data: Uint8Array | Uint16Array) =>
    rgbOverWhite({ width: data.length / channels, height: 1, channels, data });
  near(of(1, Uint8Array.of(0, 51)), [0, 0, 0, 0.2, 0.2, 0.2]);
  near(of(3, Uint16Array.of(0, 13107, 65535)), [0, 0.2, 1]);
  near(of(2, Uint8Array.of(51, 0, 51, 255)), [1, 1, 1, 0.2, 0.2, 0.2]);
  // A fifth of black, green and white over white.
  near(of(4, Uint8Array.of(0, 255, 255, 51)), [0.8, 1, 1]);
  near(of(4, Uint16Array.of(0, 65535, 65535, 13107)), [0.8, 1, 1]);
});

Deno.test("reduceByArea: whole ratios are means of blocks, others weigh pixels by how far they are covered", () => {
  near(reduceByArea(grey(1, 2, 3, 6, 5, 4, 7, 8), 4, 2, 2, 1), [...grey(3, 6)]);
  near(reduceByArea(grey(1, 2, 3), 3, 1, 2, 1), [...grey((1 + 2 / 2) / 1.5, (2 / 2 + 3) / 1.5)]);
  near(reduceByArea(grey(1, 2, 3), 1, 3, 1, 2), [...grey((1 + 2 / 2) / 1.5, (2 / 2 + 3) / 1.5)]);
  const colours = Float64Array.of(0, 1, 2, 4, 5, 6);
  near(reduceByArea(colours, 2, 1, 1, 1), [2, 3, 4]);
  assert.deepEqual(reduceByArea(colours, 2, 1, 2, 1), colours);
});

Deno.test("reduceByArea keeps the mean of each channel and what is one colour, for any two sizes", () => {
  const side = fc.integer({ min: 1, max: 13 });
  fc.assert(
    fc.property(side, side, side, side, (width, height, w, h) => {
      fc.pre(w <= width && h <= height);
      const rgb = Float64Array.from({ length: width * height * 3 }, (_, i) => (i * 37 % 101) / 101);
      const mean = (values: Float64Array, c: number) =>
        values.filter((_, i) => i % 3 === c).reduce((a, b) => a + b, 0) / (values.length / 3);
      const small = reduceByArea(rgb, width, height, w, h);
      for (let c = 0; c < 3; c++) assert.ok(Math.abs(mean(small, c) - mean(rgb, c)) < 1e-12);
      near(reduceByArea(rgb.map(() => 0.3), width, height, w, h), Array(w * h * 3).fill(0.3));
    }),
    { seed: 5, numRuns: 200 },
  );
});

Deno.test("reduceByArea and reducedSize refuse to enlarge", () => {
  assert.throws(() => reduceByArea(grey(1, 2), 2, 1, 3, 1), /^RangeError: Expected 1 to 2 pixels of 2, found 3$/);
  assert.throws(() => reduceByArea(grey(1, 2), 2, 1, 1, 0), /found 0$/);
  const size = { width: 768, height: 512 };
  const of = (width: number, height: number) => Object.values(reducedSize("a.png", size, { width, height }));
  assert.deepEqual([of(0, 0), of(192, 0), of(0, 128), of(5, 512)], [[768, 512], [192, 128], [192, 128], [5, 512]]);
  assert.throws(
    () => of(0, 513),
    /^SceneError: a\.png: Expected a size of at most 768 x 512 pixels, .*, found 770 x 513\. To mend it, ask for a smaller/,
  );
});

Deno.test("targetOf rounds once, after the reduction", () => {
  // 127.502 and 127 over white: rounded first, their mean would be 127.5 and become 128.
  const picture = { width: 2, height: 1, channels: 2 as const, data: Uint8Array.of(1, 128, 0, 128) };
  const target = targetOf("x", picture, "x.png", { width: 1, height: 0 });
  assert.deepEqual([...pictureBytes(target)], [127, 127, 127]);
  assert.deepEqual([...pictureBytes(targetOf("x", picture, "x.png"))], [128, 128, 128, 127, 127, 127]);
});

Deno.test("decodePicture names what is no PNG and says how to convert it", () => {
  const text = (start: string) => new TextEncoder().encode(start.padEnd(64, "-"));
  const refuses = (bytes: Uint8Array, message: RegExp) =>
    assert.throws(() => decodePicture(bytes, "some/cat.jpg"), message);
  refuses(
    Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 0),
    /^SceneError: some\/cat\.jpg: Expected a PNG file, found JPEG\. To mend it, convert it to PNG first, .* magick cat\.jpg cat\.png$/,
  );
  refuses(text("RIFF....WEBPVP8 "), /found WebP\./);
  refuses(text("GIF89a"), /found GIF\./);
  refuses(text("....ftypavif"), /found AVIF or HEIC\./);
  refuses(text("hello"), /Not a PNG file/);
});

testInFolder("readPicture of an encoded target is the target", async (folder) => {
  const rgb = Float64Array.from({ length: 5 * 4 * 3 }, (_, i) => (i * 41 % 256) / 255);
  const target = pictureTarget("cat.2", 5, 4, rgb);
  await Deno.writeFile(`${folder}/cat.2.png`, encodePicture(target));
  assert.deepEqual(await readPicture(`${folder}/cat.2.png`), target);
  await assert.rejects(readPicture(`${folder}/dog.png`), /dog\.png: File is missing/);
});

Deno.test("pictureName is the file's name without folder and ending", () => {
  assert.deepEqual(
    ["a/b/kodim23.png", "kodim23", "C:\\x\\y.tar.png", ".hidden", "bricks"].map(pictureName),
    ["kodim23", "kodim23", "y.tar", ".hidden", "bricks"],
  );
});

Deno.test("oneColourScores: white, black and mean colour of a picture", () => {
  const { white, black, constant } = oneColourScores(Float64Array.of(0, 0.5, 1, 1, 0.5, 0));
  const psnr = (error: number) => -10 * Math.log10(error);
  near([white, black, constant], [psnr(2.5 / 6), psnr(2.5 / 6), psnr(1 / 6)]);
  assert.equal(oneColourScores(Float64Array.of(0.25, 0.5, 0.75, 0.25, 0.5, 0.75)).constant, Infinity);
});

testOnData("Kodak: sizes, reduced sizes, and what the mean colour scores", async (data) => {
  const size = async (name: string, wanted?: { width: number; height: number }) => {
    const { width, height, rgb } = await readPicture(`${data}/kodak/${name}.png`, wanted);
    return [width, height, Number(oneColourScores(rgb).constant.toFixed(3))];
  };
  assert.deepEqual(await size("kodim23"), [768, 512, 13.479]);
  assert.deepEqual(await size("kodim23", { width: 192, height: 128 }), [192, 128, 13.645]);
  assert.deepEqual(await size("kodim03"), [768, 512, 15.315]);
});
