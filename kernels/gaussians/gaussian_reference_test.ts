// Pictures that were worked out by hand.
import assert from "node:assert/strict";
import { Pcg } from "../random/pcg.ts";
import {
  type Blend,
  BLENDS,
  BLUR,
  COVERAGE_FLOOR,
  GAUSSIAN_AT,
  GAUSSIAN_FLOATS,
  MOST_ALPHA,
  type Parameterisation,
  TOP_K,
} from "./gaussian_layout.ts";
import { type AnyGaussians, referencePicture, weightAt } from "./gaussian_reference.ts";

interface One {
  x: number;
  y: number;
  shape: readonly number[];
  colour: readonly number[];
  opacity?: number;
}

function pictureOf(
  width: number,
  height: number,
  blend: Blend,
  all: readonly One[],
  opaque = true,
  parameterisation: Parameterisation = "cholesky",
): AnyGaussians {
  const values = new Float64Array(all.length * GAUSSIAN_FLOATS);
  for (const [k, { x, y, shape, colour, opacity = 0.5 }] of all.entries()) {
    const at = k * GAUSSIAN_FLOATS;
    values.set([x, y, Math.log(opacity / (1 - opacity))], at + GAUSSIAN_AT.x);
    values.set(shape, at + GAUSSIAN_AT.shape);
    values.set(colour, at + GAUSSIAN_AT.colour);
  }
  return { width, height, count: all.length, parameterisation, blend, opaque, values };
}

const coverageOf = (gaussians: AnyGaussians) => referencePicture(gaussians).picture.filter((_, i) => i % 4 === 3);

function near(found: number, expected: number, why: string, tolerance = 1e-6): void {
  assert.ok(Math.abs(found - expected) <= tolerance, `${why}: ${found}, expected ${expected}`);
}

/** A Cholesky factor whose covariance, blurred, is the unit matrix: q is the squared distance in px. */
const UNIT = [Math.sqrt(1 - BLUR), 0, Math.sqrt(1 - BLUR)];
/** (exp(-1/2) - 1/255) / (254/255), by hand. */
const AT_ONE = 0.604981;

Deno.test("weightAt is 1 in the centre, ends at 1/255 without a step, and is never negative", () => {
  assert.equal(weightAt(0), 1);
  near(weightAt(1), AT_ONE, "one standard deviation");
  assert.equal(weightAt(11.083), 0);
  assert.ok(weightAt(11.08) > 0 && weightAt(11.08) < 1e-4);
});

Deno.test("referencePicture gives one Gaussian's weights at the pixel centres, in every blend", () => {
  const one: One = { x: 1.5, y: 0.5, shape: UNIT, colour: [0.8, 0.25, 0] };
  for (const blend of BLENDS) {
    const { picture } = referencePicture(pictureOf(8, 2, blend, [one]));
    near(picture[4 * 1 + 3]!, blend === "alpha" ? MOST_ALPHA : 1, `${blend}, its own pixel`);
    near(picture[3]!, AT_ONE, `${blend}, the pixel to its left`);
    near(picture[4 * (8 + 1) + 3]!, AT_ONE, `${blend}, the pixel below`);
    near(picture[4 * (8 + 2) + 3]!, (Math.exp(-1) - 1 / 255) / (254 / 255), `${blend}, across the corner`);
    const share = blend === "average" || blend === "top_k" ? AT_ONE / (AT_ONE + COVERAGE_FLOOR) : AT_ONE;
    near(picture[0]!, share * 0.8, `${blend}, red`);
    near(picture[1]!, share * 0.25, `${blend}, green`);
    assert.equal(picture[2], 0);
    const far = picture.subarray(20, 24);
    assert.deepEqual([...far], [0, 0, 0, 0], "4 px away is beyond 3.33 standard deviations, and black");
  }
});

Deno.test("referencePicture blends two Gaussians as each blend says", () => {
  // Both at the one pixel: opaque weights AT_ONE and 1.
  const two: One[] = [
    { x: 1.5, y: 0.5, shape: UNIT, colour: [1, 0, 0.5], opacity: 0.25 },
    { x: 0.5, y: 0.5, shape: UNIT, colour: [0, 1, 0.25], opacity: 0.5 },
  ];
  for (const opaque of [true, false]) {
    const [a, b] = opaque ? [AT_ONE, 1] : [AT_ONE / 4, 0.5], clamped = opaque ? MOST_ALPHA : b;
    const sum = [a, b, a * 0.5 + b * 0.25], average = sum.map((s) => s / (a + b + COVERAGE_FLOOR));
    const expected = {
      sum: [...sum, a + b],
      average: [...average, a + b],
      top_k: [...average, a + b],
      alpha: [a, (1 - a) * clamped, a * 0.5 + (1 - a) * clamped * 0.25, 1 - (1 - a) * (1 - clamped)],
    };
    for (const blend of BLENDS) {
      referencePicture(pictureOf(1, 1, blend, two, opaque)).picture
        .forEach((found, c) => near(found, expected[blend][c]!, `${blend} ${c} ${opaque}`));
    }
  }
});

Deno.test("referencePicture with top_k drops all but the ten largest weights, wherever they stand, in colour and coverage", () => {
  const rng = new Pcg(3);
  const all: One[] = Array.from({ length: 25 }, () => ({
    x: rng.uniform(-1.5, 2.5),
    y: rng.uniform(-1.5, 2.5),
    shape: UNIT,
    colour: [rng.uniform(), rng.uniform(), rng.uniform()],
  }));
  const squared = ({ x, y }: One) => (x - 0.5) ** 2 + (y - 0.5) ** 2;
  const nearest = all.toSorted((a, b) => squared(a) - squared(b)).slice(0, TOP_K);
  const kept = referencePicture(pictureOf(1, 1, "average", nearest)).picture;
  referencePicture(pictureOf(1, 1, "top_k", all)).picture.forEach((found, c) => near(found, kept[c]!, `channel ${c}`));
  assert.ok(coverageOf(pictureOf(1, 1, "average", all))[0]! > kept[3]! + 0.1);
});

Deno.test("referencePicture with top_k counts all that tie with the last that counts", () => {
  const all: One[] = Array.from({ length: TOP_K + 5 }, (_, k) => ({
    // Nine in the centre, three that tie beside it, three farther off.
    x: k < TOP_K - 1 ? 0.5 : k < TOP_K + 2 ? 1.5 : 2.5,
    y: 0.5,
    shape: UNIT,
    colour: [k < TOP_K ? 1 : 0, k < TOP_K ? 0 : 1, 0],
  }));
  const { picture } = referencePicture(pictureOf(1, 1, "top_k", all));
  const coverage = TOP_K - 1 + 3 * AT_ONE;
  near(picture[3]!, coverage, "coverage", 1e-5);
  near(picture[1]!, 2 * AT_ONE / coverage, "green", 2e-5);
});

Deno.test("referencePicture turns a long Gaussian the way its shape says, in every parameterisation", () => {
  // 3 px along the diagonal that falls to the right (y is down), 0.5 px across.
  const long = 9 - BLUR, thin = 0.25 - BLUR, xx = (long + thin) / 2, xy = (long - thin) / 2;
  const l11 = Math.sqrt(xx), l21 = xy / l11, l22 = Math.sqrt(xx - l21 * l21);
  const shapes = {
    rotation_scale: [Math.log(long) / 2, Math.log(thin) / 2, Math.PI / 4],
    cholesky: [-l11, -l21, l22],
    log_cholesky: [Math.log(l11), l21, Math.log(l22)],
  };
  for (const [parameterisation, shape] of Object.entries(shapes)) {
    const one: One = { x: 3.5, y: 3.5, shape, colour: [1, 1, 1] };
    const coverage = coverageOf(pictureOf(7, 7, "sum", [one], true, parameterisation as Parameterisation));
    near(coverage[5 * 7 + 5]!, weightAt(8 / 9), `${parameterisation} along`);
    near(coverage[2 * 7 + 4]!, weightAt(2 / 0.25), `${parameterisation} across`);
    near(coverage[3 * 7 + 4]!, weightAt(0.5 / 9 + 0.5 / 0.25), `${parameterisation} beside`);
  }
});

Deno.test("referencePicture loses nothing to its boxes", () => {
  const rng = new Pcg(5), width = 9, height = 6;
  const all = Array.from({ length: 40 }, () => ({
    x: rng.uniform(-4, width + 4),
    y: rng.uniform(-4, height + 4),
    shape: [rng.uniform(0.2, 2), rng.uniform(-1, 1), rng.uniform(0.2, 2)],
    colour: [1, 0, 0],
    opacity: rng.uniform(0.1, 0.9),
  }));
  const coverage = coverageOf(pictureOf(width, height, "average", all, false));
  for (let j = 0; j < height; j++) {
    for (let i = 0; i < width; i++) {
      let expected = 0;
      for (const { x, y, shape, opacity } of all) {
        const [a, b, c] = shape as [number, number, number];
        const xx = a * a + BLUR, xy = a * b, yy = b * b + c * c + BLUR, dx = i + 0.5 - x, dy = j + 0.5 - y;
        const q = (yy * dx * dx - 2 * xy * dx * dy + xx * dy * dy) / (xx * yy - xy * xy);
        expected += opacity * Math.max(0, (Math.exp(-q / 2) - 1 / 255) * 255 / 254);
      }
      near(coverage[j * width + i]!, expected, `pixel ${i} ${j}`, 1e-12);
    }
  }
});

Deno.test("referencePicture leaves out Gaussians that are not finite, and counts them", () => {
  const one: One = { x: 0.5, y: 0.5, shape: [0, 0, 0], colour: [1, 1, 1] };
  const clean = pictureOf(2, 2, "average", [one], true, "log_cholesky");
  const expected = referencePicture(clean).picture;
  for (const [at, value] of [[0, NaN], [9, Infinity], [4, 400], [6, -Infinity]] as const) {
    const both = pictureOf(2, 2, "average", [one, one], true, "log_cholesky");
    const values = Float64Array.from(both.values);
    values[GAUSSIAN_FLOATS + at] = value;
    const { picture, notFinite } = referencePicture({ ...both, values });
    assert.equal(notFinite, 1, `${value} at ${at}`);
    assert.deepEqual(picture, expected, `${value} at ${at}`);
  }
});
