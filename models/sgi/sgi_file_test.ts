import assert from "node:assert/strict";
import { crc32 } from "node:zlib";
import fc from "fast-check";
import {
  fineHeaderOf,
  type GaussianHeader,
  headerOf,
  levelsOf,
  proceduralGaussians,
  randomGaussians,
} from "./_sgi_test_data.ts";
import { CODES, type QuantisedGaussians } from "./quantised.ts";
import { SgiError } from "./sgi_error.ts";
import { canonicalCodes, precisionOf } from "./precision.ts";
import { decodeSgi, encodeSgi, sgiStatistics, tolerancesOf } from "./sgi_file.ts";
import type { Tolerances } from "./sgi_header.ts";

/** Bytes and CRC-32 of two files; they change only with the version of the format. */
const GOLDEN = [[479, 59_488_378], [377, 4_001_177_511]];
const NONE = { place: 0, angle: 0, colour: 0 };

const keptOf = (gaussians: QuantisedGaussians, { place, angle, colour }: Tolerances) =>
  canonicalCodes({
    ...gaussians,
    tolerances: { place: Math.round(256 * place), angle: Math.round(256 * angle), colour: Math.round(256 * colour) },
  }, gaussians.codes);

/** Gaussians as a file keeps them, in an order of their own, so that sets can be compared. */
function asSet(gaussians: QuantisedGaussians, tolerances: Tolerances): string[] {
  const codes = keptOf(gaussians, tolerances);
  return Array.from({ length: gaussians.count }, (_, k) => codes.subarray(k * CODES, (k + 1) * CODES).join()).sort();
}

function assertRoundTrip(gaussians: QuantisedGaussians, tolerances = NONE): void {
  const bytes = encodeSgi(gaussians, { tolerances }), decoded = decodeSgi(bytes);
  const { codes: _, ...header } = structuredClone(gaussians), { codes, ...same } = decoded;
  assert.deepEqual(same, header);
  assert.deepEqual(asSet(decoded, NONE), asSet(gaussians, tolerances));
  assert.deepEqual(codes, keptOf(decoded, tolerances), "shapes are canonical");
  assert.deepEqual(encodeSgi(decoded, { tolerances }), bytes, "the order does not matter");
}

const f32 = (min: number, max: number) => fc.float({ min: Math.fround(min), max: Math.fround(max), noNaN: true });
const range = (reach: number, bits: number) =>
  fc.record({ low: f32(-reach, reach), step: f32(1e-6, reach / 2 ** bits) }).map(({ low, step }) => ({
    low: Math.fround(low),
    step: Math.fround(step),
  }));
const anyHeader: fc.Arbitrary<GaussianHeader> = fc.record({
  width: fc.integer({ min: 1, max: 70 }),
  height: fc.integer({ min: 1, max: 70 }),
  count: fc.oneof(fc.constantFrom(0, 1, 2), fc.integer({ min: 0, max: 60 })),
  blend: fc.constantFrom("average", "sum"),
  bits: fc.record({
    position: fc.integer({ min: 0, max: 4 }),
    scale: fc.integer({ min: 1, max: 8 }),
    angle: fc.integer({ min: 1, max: 8 }),
    luma: fc.integer({ min: 1, max: 10 }),
    chroma: fc.integer({ min: 1, max: 10 }),
  }),
  ranges: fc.record({ scale: range(4, 8), luma: range(1, 10), orange: range(1, 10), green: range(1, 10) }),
});
/** Codes anywhere, at the ends of their ranges, and many the same. */
const anyGaussians: fc.Arbitrary<QuantisedGaussians> = fc.tuple(
  anyHeader,
  fc.array(fc.oneof(fc.constantFrom(0, 1), fc.double({ min: 0, max: 1, noNaN: true })), {
    minLength: 1,
    maxLength: 97,
  }),
).map(([header, shares]) => {
  const levels = levelsOf(header);
  const code = (_: unknown, i: number) => Math.round(shares[i % shares.length]! * (levels[i % CODES]! - 1));
  return { ...header, codes: Int32Array.from({ length: header.count * CODES }, code) };
});

const share = fc.constantFrom(0, 0.01, 0.1, 0.3, 0.996);
const anyTolerances = fc.oneof(fc.constant(NONE), fc.record({ place: share, angle: share, colour: share }));

Deno.test("decodeSgi gives back the Gaussians of encodeSgi whatever their codes, bits and number", () => {
  fc.assert(
    fc.property(anyGaussians, anyTolerances, assertRoundTrip),
    { seed: 3, numRuns: 300 },
  );
});

Deno.test("decodeSgi gives back 1500 Gaussians, random and of one place", () => {
  const header = headerOf(768, 512, 1500, "average");
  assertRoundTrip(randomGaussians(header, 1));
  assertRoundTrip(proceduralGaussians(header));
  assertRoundTrip(proceduralGaussians(header), tolerancesOf(1.5));
  const heap = randomGaussians(header, 2);
  heap.codes.forEach((_, i) => i % CODES < 2 && (heap.codes[i] = 700));
  assertRoundTrip(heap);
});

Deno.test("decodeSgi refuses every file with one damaged byte, and every one that is cut or goes on", () => {
  const bytes = encodeSgi(proceduralGaussians(headerOf(64, 48, 12, "sum")));
  for (let i = 0; i < bytes.length; i++) {
    for (const flip of [1, 16, 128, 255]) {
      const damaged = bytes.slice();
      damaged[i]! ^= flip;
      assert.throws(() => decodeSgi(damaged), SgiError, `byte ${i} ^ ${flip}`);
    }
    assert.throws(() => decodeSgi(bytes.subarray(0, i)), SgiError, `cut at ${i}`);
  }
  assert.throws(() => decodeSgi(Uint8Array.of(...bytes, 0)), /followed by others.*To mend it/);
});

/** The file with its checksum made right again. */
function sealed(bytes: Uint8Array): Uint8Array {
  const out = bytes.slice(), end = out.length - 4;
  new DataView(out.buffer).setUint32(end, crc32(out.subarray(0, end)), true);
  return out;
}

Deno.test("decodeSgi makes an SgiError or valid Gaussians of any payload with a right checksum", () => {
  const bytes = encodeSgi(proceduralGaussians(headerOf(64, 48, 30, "average")));
  let refused = 0;
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 6 }), (changes) => {
      const forged = bytes.slice();
      for (const [at, value] of changes) forged[at % forged.length] = value;
      try {
        const decoded = decodeSgi(sealed(forged)), levels = levelsOf(decoded);
        assert.ok(decoded.codes.every((code, i) => code >= 0 && code < levels[i % CODES]!));
      } catch (error) {
        assert.ok(error instanceof SgiError, String(error));
        refused++;
      }
    }),
    { seed: 4, numRuns: 1500 },
  );
  assert.ok(refused > 1000, `${refused} were refused`);
});

Deno.test("decodeSgi says what is wrong with a header", () => {
  const bytes = encodeSgi(proceduralGaussians(headerOf(64, 48, 3, "sum")));
  const cases: [at: number, values: number[], message: RegExp][] = [
    [0, [0x89], /Expected a file \.sgi, found other first bytes\. To mend it, name a file/],
    [4, [9], /found version 9\. To mend it, read it with a newer Stillroom/],
    [4, [0], /Expected version 1/],
    [5, [7], /a blend of 0 or 1, found 1 and 7/],
    [6, [0, 0], /Expected a width from 1 to 16384, found 0/],
    [8, [255, 255], /Expected a height from 1 to 16384, found 65535/],
    [10, [255, 255], /found the payload's end/],
    [12, [9], /Expected bits of position from 0 to 4, found 9/],
    [16, [11], /Expected bits of chroma from 1 to 10, found 11/],
    [17, [0, 0, 0xc0, 0x7f], /Expected a range of scale with a finite low/],
    [21, [0, 0, 0, 0], /a step above 0, found low .*, step 0/],
    [21, [0, 0, 0x80, 0x3f], /Expected ln sigma from -20 to 10, found -1\.2.* to 29/],
    [25, [0, 0, 0x80, 0x41], /Expected colours within \+-7\.99/],
    [52, [1], /Expected 61 bytes, found/],
  ];
  for (const [at, values, message] of cases) {
    const forged = bytes.slice();
    forged.set(values, at);
    assert.throws(() => decodeSgi(sealed(forged)), (error) => error instanceof SgiError && message.test(error.message));
  }
});

Deno.test("encodeSgi refuses codes and headers that are none, with a sentence", () => {
  const good = proceduralGaussians(headerOf(64, 48, 3, "sum"));
  const withCode = (at: number, code: number) => ({ ...good, codes: good.codes.with(at, code) });
  const cases: [QuantisedGaussians, RegExp][] = [
    [withCode(8, -1), /Expected codes of x from 0 to 160, found -1 in Gaussian 1/],
    [withCode(1, 129), /Expected codes of y from 0 to 128, found 129 in Gaussian 0/],
    [withCode(4, 16), /Expected codes of angle from 0 to 15/],
    [{ ...good, count: 4 }, /Expected 4 x 8 codes, found 24/],
    [{ ...good, blend: "alpha" as "sum" }, /Expected blend average or sum, found alpha/],
    [{ ...good, ranges: { ...good.ranges, luma: { low: 0.1, step: 1 } } }, /in f32 values/],
    [{ ...good, bits: { ...good.bits, angle: 0 } }, /Expected bits of angle from 1 to 8, found 0/],
  ];
  assert.throws(
    () => encodeSgi(good, { tolerances: { ...NONE, angle: 1 } }),
    /a tolerance of angle \(1\/256\) from 0 to 255, found 256/,
  );
  for (const [gaussians, message] of cases) {
    assert.throws(() => encodeSgi(gaussians), (error) => error instanceof RangeError && message.test(error.message));
  }
});

Deno.test("sgiStatistics adds up to the file", () => {
  const gaussians = proceduralGaussians(headerOf(768, 512, 700, "average"));
  const { total, ...parts } = sgiStatistics(gaussians);
  assert.equal(total, encodeSgi(gaussians).length);
  assert.ok(Math.abs(Object.values(parts).reduce((a, b) => a + b) - total) < 8);
});

Deno.test("encodeSgi writes fewer bytes with tolerances, and keeps every number within its lost bits", () => {
  const fine = randomGaussians(fineHeaderOf(256, 192, 800, "average"), 8);
  const sizes = [0, 0.5, 1, 1.9].map((c) => encodeSgi(fine, { tolerances: tolerancesOf(c) }).length);
  assert.ok(sizes.every((size, i) => i === 0 || size < 0.95 * sizes[i - 1]!), sizes.join());
  const kept = keptOf(fine, tolerancesOf(1)), plain = keptOf(fine, NONE);
  const precision = precisionOf({ ...fine, tolerances: { place: 128, angle: 102, colour: 20 } });
  for (let at = 0; at < kept.length; at += CODES) {
    const lost = precision(kept[at + 2]!, kept[at + 3]!);
    const off = (i: number) => Math.abs(kept[at + i]! - plain[at + i]!);
    assert.ok(off(0) <= 2 ** lost.place && off(1) <= 2 ** lost.place && off(5) <= 2 ** lost.luma);
    assert.ok(off(6) <= 2 ** lost.orange && off(7) <= 2 ** lost.green);
    assert.ok(Math.min(off(4), 128 - off(4)) <= 2 ** lost.angle / 2);
  }
});

Deno.test("encodeSgi writes the golden bytes: the format has not moved", () => {
  const files = [
    encodeSgi(proceduralGaussians(headerOf(96, 64, 150, "average"))),
    encodeSgi(proceduralGaussians(fineHeaderOf(96, 64, 150, "sum")), {
      tolerances: { place: 0.5, angle: 0.4, colour: 0.1 },
    }),
  ];
  // Without the checksum: that of a whole file is the same for all.
  assert.deepEqual(files.map((bytes) => [bytes.length, crc32(bytes.subarray(0, -4))]), GOLDEN);
});
