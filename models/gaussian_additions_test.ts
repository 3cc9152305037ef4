import assert from "node:assert/strict";
import {
  type Blend,
  BLENDS,
  GAUSSIAN_AT,
  GAUSSIAN_FLOATS,
  type PictureGaussians,
  type PlainGaussians,
} from "../kernels/gaussians/gaussian_layout.ts";
import { referencePicture } from "../kernels/gaussians/gaussian_reference.ts";
import { meanSquaredError } from "../kernels/metrics/image_quality.ts";
import { Pcg } from "../kernels/random/pcg.ts";
import { additionsFor } from "./gaussian_additions.ts";
import { initialGaussians, type RgbPicture } from "./gaussian_init.ts";
import { packGaussians } from "./gaussian_parameters.ts";

const WIDTH = 48, HEIGHT = 32;

/** A soft ramp with a disc and a fine stripe pattern in one corner. */
function target(): RgbPicture {
  const rgb = new Float64Array(WIDTH * HEIGHT * 3);
  for (let at = 0; at < WIDTH * HEIGHT; at++) {
    const i = at % WIDTH, j = Math.floor(at / WIDTH);
    const disc = Math.hypot(i - 14, j - 16) < 9 ? 0.6 : 0, stripes = i > 32 && j > 16 ? 0.3 * (i % 2) : 0;
    rgb.set([i / 96 + disc * 0.5, disc + stripes, 0.8 - j / 64 - stripes], 3 * at);
  }
  return { width: WIDTH, height: HEIGHT, rgb };
}

function rendered(gaussians: PictureGaussians): { rgb: Float64Array; coverage: Float64Array } {
  const { picture } = referencePicture(gaussians);
  return { rgb: picture.filter((_, k) => k % 4 < 3), coverage: picture.filter((_, k) => k % 4 === 3) };
}

function packed(plain: PlainGaussians, blend: Blend): PictureGaussians {
  const values = packGaussians("log_cholesky", plain);
  return {
    width: WIDTH,
    height: HEIGHT,
    count: plain.count,
    parameterisation: "log_cholesky",
    blend,
    opaque: true,
    values,
  };
}

function joined(gaussians: PictureGaussians, plain: PlainGaussians): PictureGaussians {
  const values = new Float32Array((gaussians.count + plain.count) * GAUSSIAN_FLOATS);
  values.set(gaussians.values);
  values.set(packGaussians(gaussians.parameterisation, plain), gaussians.values.length);
  return { ...gaussians, count: gaussians.count + plain.count, values };
}

const residualOf = (picture: RgbPicture, rgb: Float64Array) => picture.rgb.map((value, k) => value - rgb[k]!);

Deno.test("additionsFor makes finite, positive definite Gaussians in different pixels of the picture", () => {
  const picture = target(), rng = new Pcg(1);
  for (const blend of BLENDS) {
    const gaussians = packed(initialGaussians("random", picture, 60, rng), blend);
    const residual = residualOf(picture, rendered(gaussians).rgb);
    for (const add of [1, 17, 300, WIDTH * HEIGHT]) {
      const found = additionsFor(residual, picture, gaussians, add, new Pcg(2));
      assert.equal(found.count, add);
      const pixels = new Set<number>();
      for (let k = 0; k < add; k++) {
        const [x, y] = found.centres.subarray(2 * k, 2 * k + 2),
          [xx, xy, yy] = found.covariances.subarray(3 * k, 3 * k + 3);
        assert.ok(x! >= 0 && x! < WIDTH && y! >= 0 && y! < HEIGHT, `${x}, ${y}`);
        assert.ok(xx! > 0.02 && yy! > 0.02 && xx! * yy! - xy! * xy! > 4e-4, `${xx}, ${xy}, ${yy}`);
        pixels.add(Math.floor(y!) * WIDTH + Math.floor(x!));
      }
      assert.equal(pixels.size, add, `${blend}: two of ${add} in one pixel`);
      assert.equal(found.colours.length, 3 * add);
      assert.ok(found.colours.every((value) => Math.abs(value) < 10));
      assert.ok(found.opacities.every((value) => value > 0 && value < 1));
      assert.deepEqual(additionsFor(residual, picture, gaussians, add, new Pcg(2)), found);
    }
  }
});

Deno.test("additionsFor goes where the error is", () => {
  const picture = target(), gaussians = packed(initialGaussians("random", picture, 60, new Pcg(1)), "average");
  const residual = new Float64Array(WIDTH * HEIGHT * 3);
  for (let at = 0; at < WIDTH * HEIGHT; at++) if (at % WIDTH < 8) residual[3 * at + 1] = at % WIDTH < 4 ? 0.3 : 0.1;
  const { centres } = additionsFor(residual, picture, gaussians, 50, new Pcg(3));
  const x = [...centres].filter((_, k) => k % 2 === 0);
  assert.ok(x.every((value) => value < 8), `${x}`);
  const share = x.filter((value) => value < 4).length / 50;
  assert.ok(share > 0.8 && share < 0.98, `${share} within nine tenths of the squared error`);
});

Deno.test("additionsFor lowers the error of average, top_k and sum, few or many, and hardly raises that of alpha", () => {
  const picture = target();
  for (const blend of BLENDS) {
    const gaussians = packed(initialGaussians("gradient", picture, 100, new Pcg(4)), blend);
    const { rgb } = rendered(gaussians), before = meanSquaredError(rgb, picture.rgb);
    for (const add of [1, 10, 50, 200]) {
      const plain = additionsFor(residualOf(picture, rgb), picture, gaussians, add, new Pcg(5));
      const after = meanSquaredError(rendered(joined(gaussians, plain)).rgb, picture.rgb);
      const most = blend === "alpha" ? 1.02 : 1;
      assert.ok(after < most * before, `${blend}, ${add} more: ${before} -> ${after}`);
    }
  }
});

Deno.test("additionsFor keeps off the pixels of tiny Gaussians, and adds no more than there is room for", () => {
  const picture = target(), count = WIDTH * HEIGHT - 5;
  const all = packed(initialGaussians("random", picture, count, new Pcg(6)), "average");
  for (let k = 0; k < count; k++) {
    const at = k * GAUSSIAN_FLOATS;
    all.values.set([k % WIDTH + 0.5, Math.floor(k / WIDTH) + 0.5], at + GAUSSIAN_AT.x);
    all.values.set([-2, 0, -2], at + GAUSSIAN_AT.shape);
  }
  const residual = new Float64Array(WIDTH * HEIGHT * 3).fill(0.1);
  const { centres } = additionsFor(residual, picture, all, 5, new Pcg(7));
  assert.deepEqual([...centres].filter((_, k) => k % 2 === 1), Array(5).fill(HEIGHT - 0.5));
  assert.equal(additionsFor(residual, picture, all, 6, new Pcg(7)).count, 5);
  const full = { ...all, count: count + 5, values: Float32Array.from({ length: (count + 5) * GAUSSIAN_FLOATS }) };
  full.values.set(all.values);
  for (let k = count; k < count + 5; k++) {
    const at = k * GAUSSIAN_FLOATS;
    full.values.set([k % WIDTH + 0.5, Math.floor(k / WIDTH) + 0.5], at + GAUSSIAN_AT.x);
    full.values.set([-2, 0, -2], at + GAUSSIAN_AT.shape);
  }
  assert.equal(additionsFor(residual, picture, full, 6, new Pcg(7)).count, 0);
});

Deno.test("additionsFor takes a picture without any error, and Gaussians outside of it", () => {
  const picture = target(), gaussians = packed(initialGaussians("random", picture, 3, new Pcg(8)), "average");
  gaussians.values.set([-5, 1e6], GAUSSIAN_AT.x);
  const found = additionsFor(new Float64Array(WIDTH * HEIGHT * 3), picture, gaussians, 20, new Pcg(9));
  assert.ok(found.centres.every((value) => value > 0 && value < WIDTH));
});

Deno.test("additionsFor names what is wrong with its input", () => {
  const picture = target(), gaussians = packed(initialGaussians("random", picture, 3, new Pcg(8)), "average");
  const residual = new Float64Array(WIDTH * HEIGHT * 3);
  const message = (run: () => unknown) => {
    try {
      run();
    } catch (error) {
      assert.ok(error instanceof RangeError);
      return error.message;
    }
    assert.fail("nothing thrown");
  };
  assert.match(message(() => additionsFor(residual, picture, gaussians, 0, new Pcg(1))), /^0 Gaussians to add/);
  assert.match(message(() => additionsFor(residual, picture, gaussians, 1.5, new Pcg(1))), /^1.5 Gaussians to add/);
  assert.match(
    message(() => additionsFor(residual.subarray(3), picture, gaussians, 1, new Pcg(1))),
    /^4605 numbers of/,
  );
  assert.match(
    message(() => additionsFor(residual, picture, { ...gaussians, width: 32, height: 48 }, 1, new Pcg(1))),
    /32x48.*48x32/,
  );
  residual[3 * WIDTH + 4] = NaN;
  assert.match(
    message(() => additionsFor(residual, picture, gaussians, 1, new Pcg(1))),
    /^The residual is 0, NaN, 0 at pixel \(1, 1\)/,
  );
});
