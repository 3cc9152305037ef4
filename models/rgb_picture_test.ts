import assert from "node:assert/strict";
import { gradientEnergy, pixelAt, type RgbPicture } from "./rgb_picture.ts";

Deno.test("gradientEnergy is the squared gradient of a plane, up to the border, summed over the channels", () => {
  for (const [width, height] of [[5, 4], [2, 2], [5, 1], [1, 4], [1, 1]] as const) {
    const rgb = new Float64Array(width * height * 3);
    for (let at = 0; at < width * height; at++) {
      const i = at % width, j = Math.floor(at / width);
      rgb.set([0.1 * i + 0.05 * j, 0.5, 0.02 * j], 3 * at);
    }
    const expected = (width > 1 ? 0.1 ** 2 : 0) + (height > 1 ? 0.05 ** 2 + 0.02 ** 2 : 0);
    for (const found of gradientEnergy({ width, height, rgb })) {
      assert.ok(Math.abs(found - expected) < 1e-12, `${width}x${height}: ${found}, expected ${expected}`);
    }
  }
});

Deno.test("pixelAt holds the border of the picture", () => {
  const picture: RgbPicture = { width: 4, height: 3, rgb: new Float64Array(36) };
  assert.deepEqual([pixelAt(picture, 0, 0), pixelAt(picture, 2.9, 1), pixelAt(picture, 4, 3)], [0, 6, 11]);
});
