import assert from "node:assert/strict";
import { meanSquaredError, psnrOf } from "../kernels/metrics/image_quality.ts";
import { testInFolder, testOnData } from "./_test_data.ts";
import { jpeg, type RgbBytes, webp } from "./jpeg_webp.ts";
import { pictureBytes, readPicture } from "./picture.ts";

const codecs = { jpeg, webp };

/** Smooth colours with an edge, which every codec finds neither trivial nor impossible. */
function sample(width: number, height: number): RgbBytes {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const edge = x > y ? 60 : 0;
      data.set([80 + edge + x, 60 + edge + y, 200 - x - Math.floor(20 * Math.sin(y / 5))], 3 * (y * width + x));
    }
  }
  return { width, height, data };
}

const psnr = (a: RgbBytes, b: RgbBytes) => psnrOf(meanSquaredError(a.data, b.data) / 255 ** 2);

// They read the WebAssembly of their packages: tests that may read files may do that.
for (const [name, codec] of Object.entries(codecs)) {
  testInFolder(`${name}: what is decoded is the picture, the nearer the higher the quality, of any size`, async () => {
    for (const [width, height] of [[97, 50], [16, 16], [1, 1], [3, 40]] as const) {
      const picture = sample(width, height);
      const tries = [];
      for (const quality of [5, 50, 95]) {
        const file = await codec.encode(picture, quality);
        const back = await codec.decode(file, "x");
        assert.deepEqual([back.width, back.height, back.data.length], [width, height, picture.data.length]);
        tries.push({ bytes: file.length, psnr: psnr(picture, back) });
      }
      const [low, middle, high] = tries;
      assert.ok(high!.psnr > 30, `${width} x ${height}: ${high!.psnr} dB`);
      if (width === 97) {
        assert.ok(low!.psnr < middle!.psnr && middle!.psnr < high!.psnr, JSON.stringify(tries));
        assert.ok(low!.bytes < middle!.bytes && middle!.bytes < high!.bytes, JSON.stringify(tries));
      }
    }
  });

  testInFolder(`${name}: the same picture gives the same bytes, and the picture is left as it is`, async () => {
    const picture = sample(64, 48), before = picture.data.slice();
    const first = await codec.encode(picture, 60);
    assert.deepEqual(await codec.encode(picture, 60), first);
    assert.deepEqual(picture.data, before);
    assert.deepEqual(await codec.decode(first, "x"), await codec.decode(first, "x"));
  });

  testInFolder(`${name}: refuses wrong sizes and qualities, other formats and torn files`, async () => {
    const picture = sample(64, 48);
    await assert.rejects(codec.encode(picture, 101), /^RangeError: Expected a quality of 0 to 100 for .*, found 101$/);
    await assert.rejects(codec.encode(picture, NaN), /found NaN$/);
    await assert.rejects(codec.encode({ ...picture, width: 63 }, 50), /Expected 63 x 48 x 3 = 9072 bytes, found 9216/);
    const file = await codec.encode(picture, 50);
    const other = await (codec === jpeg ? webp : jpeg).encode(picture, 50);
    await assert.rejects(codec.decode(other, "a.img"), /^SceneError: a\.img: Not a (JPEG|WebP) file\. To mend it/);
    await assert.rejects(codec.decode(new Uint8Array(0), "a.img"), /^SceneError: a\.img: Not a/);
    for (const share of [0, 0.1, 0.5, 0.99]) {
      const cut = file.subarray(0, Math.max(20, Math.floor(share * file.length)));
      await assert.rejects(codec.decode(cut, "a.img"), /^SceneError: a\.img: Torn or damaged (JPEG|WebP): \w/);
    }
    assert.equal((await codec.decode(file, "x")).width, 64);
  });

  testInFolder(
    `${name}: a flipped bit gives an error that names the file or a picture, and leaves the decoder whole`,
    async () => {
      const picture = sample(64, 48);
      const file = await codec.encode(picture, 50), whole = await codec.decode(file, "x");
      let refused = 0;
      for (let at = 12; at < Math.min(file.length, 500); at++) {
        const copy = file.slice();
        copy[at]! ^= 1 << (at % 8);
        try {
          const { width, height, data } = await codec.decode(copy, "a.img");
          assert.equal(data.length, width * height * 3);
        } catch (error) {
          assert.match(String(error), /^SceneError: a\.img: Torn or damaged/);
          refused++;
          assert.deepEqual(await codec.decode(file, "x"), whole, `after the flip at ${at}`);
        }
      }
      assert.ok(refused > 5, `${refused} refused`);
    },
  );
}

testOnData("JPEG and WebP of Kodak 23 at quality 50: bytes and PSNR of mozjpeg and libwebp", async (data) => {
  const picture = await readPicture(`${data}/kodak/kodim23.png`);
  const rgb = { width: picture.width, height: picture.height, data: pictureBytes(picture) };
  const found: Record<string, readonly [number, string]> = {};
  for (const [name, codec] of Object.entries(codecs)) {
    const file = await codec.encode(rgb, 50);
    found[name] = [file.length, psnr(rgb, await codec.decode(file, "x")).toFixed(2)];
  }
  assert.deepEqual(found, { jpeg: [20892, "34.63"], webp: [16030, "35.11"] });
});
