import assert from "node:assert/strict";
import type { Blend, PictureGaussians, PlainGaussians } from "../kernels/gaussians/gaussian_layout.ts";
import { referencePicture } from "../kernels/gaussians/gaussian_reference.ts";
import { meanSquaredError, psnrOf } from "../kernels/metrics/image_quality.ts";
import { Pcg } from "../kernels/random/pcg.ts";
import { initialGaussians, INITIALISATIONS, type RgbPicture } from "./gaussian_init.ts";
import { packGaussians } from "./gaussian_parameters.ts";

function picture(width: number, height: number, colour: (i: number, j: number) => readonly number[]): RgbPicture {
  const rgb = Float64Array.from(
    { length: width * height * 3 },
    (_, k) => colour(Math.floor(k / 3) % width, Math.floor(k / 3 / width))[k % 3]!,
  );
  return { width, height, rgb };
}

/** A flat left half; on the right a disc with a fine pattern. */
function uneven(width = 96, height = 64): RgbPicture {
  return picture(width, height, (i, j) => {
    const inside = Math.hypot(i - 0.75 * width, j - height / 2) < 0.2 * width;
    return inside ? [0.5 + 0.4 * Math.sin(i), 0.5 + 0.4 * Math.sin(0.9 * j), 0.3] : [0.2, 0.3, 0.6];
  });
}

function rendered(gaussians: PictureGaussians): { rgb: Float64Array; coverage: Float64Array } {
  const { picture } = referencePicture(gaussians);
  return { rgb: picture.filter((_, k) => k % 4 < 3), coverage: picture.filter((_, k) => k % 4 === 3) };
}

function packed({ width, height }: RgbPicture, plain: PlainGaussians, blend: Blend): PictureGaussians {
  const values = packGaussians("rotation_scale", plain);
  return { width, height, count: plain.count, parameterisation: "rotation_scale", blend, opaque: true, values };
}

function check(plain: PlainGaussians, { width, height }: RgbPicture, count: number, name: string): void {
  assert.equal(plain.count, count, name);
  assert.deepEqual(
    [plain.centres.length, plain.covariances.length, plain.colours.length, plain.opacities.length],
    [2 * count, 3 * count, 3 * count, count],
    name,
  );
  for (let k = 0; k < count; k++) {
    const [x, y] = plain.centres.subarray(2 * k, 2 * k + 2),
      [xx, xy, yy] = plain.covariances.subarray(3 * k, 3 * k + 3);
    assert.ok(x! >= 0 && x! <= width && y! >= 0 && y! <= height, `${name}, ${k} at ${x}, ${y}`);
    assert.ok(xx! > 0.01 && yy! > 0.01 && xx! * yy! - xy! * xy! > 1e-3, `${name}, ${k}: ${xx}, ${xy}, ${yy}`);
    assert.ok(xx! < Infinity && yy! < Infinity);
  }
  assert.ok(plain.colours.every((value) => value >= 0 && value < 1 + 1e-12), name);
  assert.ok(plain.opacities.every((value) => value > 0 && value < 1), name);
}

for (const kind of INITIALISATIONS) {
  Deno.test(`initialGaussians ${kind} makes the count asked for, sound and inside, of any picture`, () => {
    const rng = new Pcg(1);
    const pictures: [string, RgbPicture][] = [
      ["uneven", uneven()],
      ["flat", picture(20, 30, () => [0.5, 0.25, 0])],
      ["black", picture(7, 7, () => [0, 0, 0])],
      ["noise", picture(33, 21, () => [rng.uniform(), rng.uniform(), rng.uniform()])],
      ["one pixel wide", picture(1, 50, (_, j) => [j / 50, 0.5, 1])],
      ["one pixel high", picture(50, 1, (i) => [i / 50, 0.5, 1])],
      ["one pixel", picture(1, 1, () => [1, 1, 1])],
    ];
    for (const [name, one] of pictures) {
      const pixels = one.width * one.height;
      for (const count of [1, 2, Math.ceil(pixels / 10), Math.ceil(0.7 * pixels), pixels, pixels + 3]) {
        check(initialGaussians(kind, one, count, new Pcg(2)), one, count, `${kind}, ${name}, ${count}`);
      }
    }
  });

  Deno.test(`initialGaussians ${kind} depends on its random numbers only`, () => {
    const one = uneven(48, 32), first = initialGaussians(kind, one, 60, new Pcg(3));
    assert.deepEqual(initialGaussians(kind, one, 60, new Pcg(3)), first);
    assert.notDeepEqual(initialGaussians(kind, one, 60, new Pcg(4)).centres, first.centres);
  });

  Deno.test(`initialGaussians ${kind} covers the picture and looks like it`, () => {
    const one = uneven(), plain = initialGaussians(kind, one, 600, new Pcg(5));
    const { rgb, coverage } = rendered(packed(one, plain, "average"));
    const median = coverage.toSorted()[coverage.length >> 1]!;
    assert.ok(median > 0.75 && median < 1.25, `median coverage ${median}`);
    const psnr = psnrOf(meanSquaredError(rgb, one.rgb));
    // Found: 19.5, 30.1, 24.3, 29.0.
    const least = { random: 18.5, gradient: 28, superpixel: 23, multiscale: 27 }[kind];
    assert.ok(psnr > least, `${psnr} dB`);
  });

  Deno.test(`initialGaussians ${kind} gives a flat picture back`, () => {
    const flat = picture(24, 16, () => [0.5, 0.25, 0.75]);
    const { rgb } = rendered(packed(flat, initialGaussians(kind, flat, 60, new Pcg(6)), "average"));
    const off = [...rgb].filter((value, k) => Math.abs(value - flat.rgb[k]!) > 0.01).length;
    // Random leaves a few holes.
    assert.ok(off <= (kind === "random" ? 0.05 : 0) * rgb.length, `${off} of ${rgb.length} numbers are off`);
  });
}

Deno.test("initialGaussians gradient and multiscale put more and smaller Gaussians where there is more to see", () => {
  const one = uneven();
  for (const kind of ["gradient", "multiscale"] as const) {
    const { centres, covariances } = initialGaussians(kind, one, 600, new Pcg(7));
    const areas: [inside: number[], outside: number[]] = [[], []];
    for (let k = 0; k < 600; k++) {
      const inside = Math.hypot(centres[2 * k]! - 72, centres[2 * k + 1]! - 32) < 19;
      const [xx, xy, yy] = covariances.subarray(3 * k, 3 * k + 3);
      areas[inside ? 0 : 1].push(Math.sqrt(xx! * yy! - xy! * xy!));
    }
    // The disc is 18 % of the picture.
    assert.ok(areas[0].length > 0.5 * 600, `${kind}: ${areas[0].length} of 600 in the disc`);
    const [small, large] = areas.map((all) => all.toSorted((a, b) => a - b)[all.length >> 1]!);
    assert.ok(small! < large! / 3, `${kind}: medians ${small}, ${large}`);
  }
});

Deno.test("initialGaussians superpixel keeps each Gaussian to one side of an edge", () => {
  const two = picture(60, 40, (i, j) => i + j < 50 ? [0.9, 0.1, 0.1] : [0.1, 0.1, 0.9]);
  const { colours } = initialGaussians("superpixel", two, 50, new Pcg(8));
  for (let k = 0; k < 50; k++) {
    const red = colours[3 * k]!;
    assert.ok(Math.abs(red - 0.9) < 1e-9 || Math.abs(red - 0.1) < 1e-9, `Gaussian ${k} has ${red} of red`);
  }
});

Deno.test("initialGaussians names what is wrong with a count or a picture", () => {
  const one = uneven(6, 4);
  const fails = (picture: RgbPicture, count: number, message: string) =>
    assert.throws(() => initialGaussians("gradient", picture, count, new Pcg(1)), { name: "RangeError", message });
  fails(one, 0, "0 Gaussians to start from: expected a whole number of 1 or more");
  fails(one, 2.5, "2.5 Gaussians to start from: expected a whole number of 1 or more");
  fails({ ...one, width: 0 }, 3, "A picture of 0x4 pixels: expected at least one pixel each way");
  fails({ ...one, width: 5 }, 3, "72 numbers for a picture of 5x4 pixels: expected 60, three per pixel");
  const rgb = one.rgb.slice();
  rgb[3 * 8 + 1] = NaN;
  fails({ ...one, rgb }, 3, "The picture holds NaN at pixel (2, 1): expected finite numbers");
});
