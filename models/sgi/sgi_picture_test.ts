import assert from "node:assert/strict";
import { crc32 } from "node:zlib";
import { type Gpu, openGpu } from "../../kernels/device.ts";
import {
  BLUR,
  COVERAGE_FLOOR,
  GAUSSIAN_AT,
  GAUSSIAN_FLOATS,
  type PictureGaussians,
  SUPPORT,
} from "../../kernels/gaussians/gaussian_layout.ts";
import { covarianceOf } from "../gaussian_parameters.ts";
import { headerOf, proceduralGaussians, randomGaussians } from "./_sgi_test_data.ts";
import type { QuantisedGaussians } from "./quantised.ts";
import { canonicalCodes } from "./precision.ts";
import { decodeSgi, encodeSgi } from "./sgi_file.ts";
import { dequantise, integerGaussians, openIntegerPicture, renderSgi } from "./sgi_picture.ts";

let shared: Promise<Gpu> | undefined;
const gpu = () => (shared ??= openGpu());

/** The formula of gaussian_layout.ts in float64, each Gaussian at each pixel; 0 to 1, clamped. */
function referencePicture({ width, height, count, blend, values }: PictureGaussians): Float64Array {
  const out = new Float64Array(width * height * 3), sums = new Float64Array(4);
  const forms = Array.from({ length: count }, (_, k) => {
    const at = k * GAUSSIAN_FLOATS, shape = at + GAUSSIAN_AT.shape;
    const [xx, xy, yy] = covarianceOf("rotation_scale", values[shape]!, values[shape + 1]!, values[shape + 2]!);
    const determinant = (xx + BLUR) * (yy + BLUR) - xy * xy;
    return [at, (yy + BLUR) / determinant, -xy / determinant, (xx + BLUR) / determinant] as const;
  });
  for (let pixel = 0; pixel < width * height; pixel++) {
    sums.fill(0);
    for (const [at, p, q, r] of forms) {
      const dx = pixel % width + 0.5 - values[at]!, dy = Math.floor(pixel / width) + 0.5 - values[at + 1]!;
      const weight = (Math.exp(-(p * dx * dx + 2 * q * dx * dy + r * dy * dy) / 2) - SUPPORT) / (1 - SUPPORT);
      if (weight <= 0) continue;
      sums[3]! += weight;
      for (let c = 0; c < 3; c++) sums[c]! += weight * values[at + GAUSSIAN_AT.colour + c]!;
    }
    const divisor = blend === "average" ? sums[3]! + COVERAGE_FLOOR : 1;
    for (let c = 0; c < 3; c++) out[3 * pixel + c] = Math.min(1, Math.max(0, sums[c]! / divisor));
  }
  return out;
}

/** dB, of values from 0 to 255. */
function psnrOf(a: Float64Array, b: Float64Array): number {
  return -10 * Math.log10(a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0) / a.length / 255 ** 2);
}

Deno.test("renderSgi is the float64 formula: fewer than 2 % of the bytes differ, by 1, and no PSNR moves by 0.002 dB", () => {
  for (const blend of ["average", "sum"] as const) {
    const header = headerOf(96, 64, 150, blend);
    for (const gaussians of [proceduralGaussians(header), randomGaussians(header, 3)]) {
      const exact = referencePicture(dequantise(gaussians)).map((value) => Math.round(255 * value));
      const bytes = Float64Array.from(renderSgi(gaussians).data);
      const differences = exact.map((value, i) => Math.abs(value - bytes[i]!));
      assert.ok(differences.every((d) => d <= 1));
      assert.ok(differences.filter((d) => d > 0).length < 0.02 * exact.length);
      const photograph = exact.map((value, i) => value + (i * 7919 % 31) - 15);
      assert.ok(Math.abs(psnrOf(photograph, exact) - psnrOf(photograph, bytes)) < 0.002);
    }
  }
});

Deno.test("renderSgi draws the same bytes of a decoded file, whatever the order and the form of the shapes", () => {
  for (const blend of ["average", "sum"] as const) {
    const gaussians = randomGaussians(headerOf(96, 64, 200, blend), 4);
    const picture = renderSgi(gaussians);
    assert.deepEqual(
      renderSgi({
        ...gaussians,
        codes: canonicalCodes({ ...gaussians, tolerances: { place: 0, angle: 0, colour: 0 } }, gaussians.codes),
      }),
      picture,
    );
    assert.deepEqual(renderSgi(decodeSgi(encodeSgi(gaussians))), picture);
  }
});

Deno.test("openIntegerPicture draws on the device the bytes that renderSgi draws on the CPU", async () => {
  for (const blend of ["average", "sum"] as const) {
    for (const [width, height, count] of [[96, 64, 300], [67, 41, 1], [9, 130, 0]] as const) {
      const gaussians = randomGaussians(headerOf(width, height, count, blend), 5);
      const device = await openIntegerPicture(await gpu(), gaussians);
      assert.deepEqual(await device.render(), renderSgi(gaussians));
      device.free();
    }
  }
});

Deno.test("integerGaussians stays within what the pixels' arithmetic allows, at the ends of every code and range", () => {
  const header = headerOf(64, 48, 256, "sum");
  const extreme: QuantisedGaussians = randomGaussians({
    ...header,
    bits: { ...header.bits, position: 4, scale: 8, angle: 8 },
    ranges: { ...header.ranges, scale: { low: -20, step: Math.fround(30 / 255) } },
  }, 6);
  extreme.codes.forEach((code, i) => {
    if (i % 8 === 2) extreme.codes[i] = code < 128 ? 0 : 255;
    if (i % 8 === 3) extreme.codes[i] = code < 128 ? 0 : 255;
  });
  const { values } = integerGaussians(extreme);
  values.forEach((value, i) => {
    if (i % 8 === 2 || i % 8 === 4) assert.ok(value > 0 && value <= 2 ** 22);
    if (i % 8 === 3) assert.ok(Math.abs(value) <= 2 ** 22);
    if (i % 8 > 4) assert.ok(Math.abs(value) <= 32_767);
  });
});

Deno.test("renderSgi draws the golden pixels: the decoder has not moved", () => {
  const crcs = (["average", "sum"] as const).map((blend) =>
    crc32(renderSgi(proceduralGaussians(headerOf(96, 64, 150, blend))).data as Uint8Array)
  );
  assert.deepEqual(crcs, [498_229_822, 100_928_794]);
});
