import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { crc32, deflateSync, inflateSync } from "node:zlib";
import fc from "fast-check";
import { damage, testOnData } from "./_test_data.ts";
import { decodePng, encodePng, type Picture, readPngHeader } from "./png.ts";

const samples = (count: number, step = 37) => Uint8Array.from({ length: count }, (_, i) => i * step);
const picture: Picture = { width: 5, height: 4, channels: 4, data: samples(80) };
const bytes = encodePng(picture);

/** Chunks of a PNG, and a PNG of chunks: to make files that are wrong but have right checksums. */
function chunksOf(png: Uint8Array): [string, Uint8Array][] {
  const found: [string, Uint8Array][] = [];
  const view = new DataView(png.buffer, png.byteOffset);
  for (let at = 8; at < png.length; at += 12 + view.getUint32(at)) {
    const end = at + 8 + view.getUint32(at);
    found.push([new TextDecoder().decode(png.subarray(at + 4, at + 8)), png.slice(at + 8, end)]);
  }
  return found;
}

function pngOf(chunks: readonly (readonly [string, Uint8Array])[]): Uint8Array {
  const parts: Uint8Array[] = [bytes.subarray(0, 8)];
  for (const [type, data] of chunks) {
    const body = Buffer.concat([Buffer.from(type), data]);
    const frame = Buffer.alloc(8);
    frame.writeUInt32BE(data.length, 0);
    frame.writeUInt32BE(crc32(body), 4);
    parts.push(frame.subarray(0, 4), body, frame.subarray(4));
  }
  return new Uint8Array(Buffer.concat(parts));
}

const [header, data, end] = chunksOf(bytes) as [[string, Uint8Array], [string, Uint8Array], [string, Uint8Array]];
const withData = (raw: Uint8Array) => pngOf([header, ["IDAT", new Uint8Array(deflateSync(raw))], end]);
const refuses = (png: Uint8Array, message: RegExp) => assert.throws(() => decodePng(png, "a/b.png"), message);

Deno.test("decodePng of encodePng is the picture, for every channel count and both depths", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 9 }),
      fc.constantFrom(1, 2, 3, 4) as fc.Arbitrary<1 | 2 | 3 | 4>,
      fc.boolean(),
      (width, height, channels, deep) => {
        const count = width * height * channels;
        const data = deep ? Uint16Array.from(samples(count), (x) => x * 257 + 1) : samples(count);
        const png = encodePng({ width, height, channels, data });
        assert.deepEqual(decodePng(png, "x.png"), { width, height, channels, data });
        assert.deepEqual(encodePng({ width, height, channels, data }), png);
      },
    ),
    { seed: 3, numRuns: 60 },
  );
});

Deno.test("encodePng refuses a picture of the wrong length", () => {
  assert.throws(() => encodePng({ ...picture, width: 6 }), /Expected 6 x 4 x 4 = 96 samples, found 80/);
});

Deno.test("readPngHeader reads size and format", () => {
  assert.deepEqual(readPngHeader(bytes, "x.png"), { width: 5, height: 4, bits: 8, colourType: 6 });
});

Deno.test("decodePng never reads a cut or flipped file as something else", () => {
  damage(bytes, "a/b.png", (b) => decodePng(b, "a/b.png"), (value) => {
    assert.deepEqual(value, picture);
    return true;
  });
});

Deno.test("decodePng says what is wrong", () => {
  refuses(new Uint8Array(0), /^SceneError: a\/b\.png: Torn or damaged PNG: it ends after 0 bytes\. To mend it, write/);
  refuses(new TextEncoder().encode("not a picture"), /Not a PNG file/);
  refuses(bytes.slice(0, 60), /chunk IDAT at byte 33 is cut off at byte 60/);
  refuses(bytes.slice(0, bytes.length - 12), /before its last chunk \(IEND\)/);
  const flipped = bytes.slice();
  flipped[50]! ^= 4;
  refuses(flipped, /checksum of its chunk IDAT at byte 33 is wrong/);
});

Deno.test("decodePng finds damage under right checksums", () => {
  const raw = new Uint8Array(inflateSync(data[1]));
  assert.deepEqual(decodePng(withData(raw), "x.png"), picture);
  refuses(withData(raw.subarray(0, raw.length - 3)), /expected 84 bytes of inflated pixel data, found 81/);
  refuses(withData(new Uint8Array(raw.length + 3)), /does not inflate to 84 bytes/);
  refuses(withData(new Uint8Array(5_000_000)), /does not inflate to 84 bytes/);
  refuses(withData(raw.map((x, i) => i === 0 ? 9 : x)), /Unsupported filter: 9/);
  refuses(pngOf([header, ["IDAT", data[1].subarray(0, 20)], end]), /does not inflate/);
  refuses(pngOf([header, end]), /0 bytes of pixel data cannot hold 84/);
  refuses(pngOf([header, header, data, end]), /second header/);
  const size = (width: number, height: number) => {
    const changed = Buffer.from(header[1]);
    changed.writeUInt32BE(width, 0);
    changed.writeUInt32BE(height, 4);
    return pngOf([["IHDR", new Uint8Array(changed)], data, end]);
  };
  refuses(size(0, 4), /no pixels/);
  refuses(size(0x7fffffff, 0x7fffffff), /at most 268435456 pixels/);
  refuses(size(16384, 16384), /cannot hold/);
});

Deno.test("decodePng refuses palettes and few bits with a way out", () => {
  const format = (bits: number, type: number) => {
    const changed = header[1].slice();
    changed[8] = bits;
    changed[9] = type;
    return pngOf([["IHDR", changed], data, end]);
  };
  refuses(format(8, 3), /found palette with 8 bits\. To mend it, save it as 8-bit RGBA/);
  refuses(format(1, 0), /found grey with 1 bits/);
  refuses(format(8, 5), /Unknown PNG format/);
});

testOnData("decodePng reads 8-bit RGB and 16-bit grey files of other writers", async (folder) => {
  const colour = `${folder}/kitchen_rgbd/frame-000150.color.png`;
  const depth = `${folder}/kitchen_rgbd/frame-000150.depth.png`;
  const a = decodePng(await Deno.readFile(colour), colour);
  const b = decodePng(await Deno.readFile(depth), depth);
  assert.deepEqual([a.width, a.height, a.channels, a.data instanceof Uint8Array], [640, 480, 3, true]);
  assert.deepEqual([b.width, b.height, b.channels, b.data instanceof Uint16Array], [640, 480, 1, true]);
});
