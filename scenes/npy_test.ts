import assert from "node:assert/strict";
import fc from "fast-check";
import { damage } from "./_test_data.ts";
import { decodeNpy, decodeNpyFloat32, encodeNpy, type NpyArray } from "./npy.ts";

const array: NpyArray = { shape: [2, 3], data: Float32Array.of(0, 1, -2.5, NaN, Infinity, 1e-40) };
const bytes = encodeNpy(array);
const refuses = (b: Uint8Array, message: RegExp) => assert.throws(() => decodeNpy(b, "d.npy"), message);

/** A file with another header and 24 bytes of data. */
function withHeader(text: string, version = 1): Uint8Array {
  const out = new Uint8Array(10 + text.length + 24);
  out.set(bytes.subarray(0, 6));
  out.set([version, 0, text.length & 255, text.length >> 8], 6);
  out.set(new TextEncoder().encode(text), 10);
  return out;
}

Deno.test("encodeNpy writes what numpy.save writes", () => {
  // By numpy/lib/format.py: numpy.array([[1, 2]], dtype="<i4"), the header padded to a multiple of 64.
  const header = "{'descr': '<i4', 'fortran_order': False, 'shape': (1, 2), }".padEnd(117) + "\n";
  const wanted = [0x93, ...new TextEncoder().encode("NUMPY"), 1, 0, 118, 0, ...new TextEncoder().encode(header)];
  const found = encodeNpy({ shape: [1, 2], data: Int32Array.of(1, 2) });
  assert.deepEqual([...found], [...wanted, 1, 0, 0, 0, 2, 0, 0, 0]);
  assert.equal(encodeNpy({ shape: [5], data: new Uint8Array(5) }).length, 128 + 5);
});

Deno.test("decodeNpy of encodeNpy is the array, for every type and shape", () => {
  const shape = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 });
  fc.assert(
    fc.property(shape, fc.constantFrom(Float32Array, Int32Array, Uint8Array), (shape, Type) => {
      const data = new Type(shape.reduce((a, b) => a * b, 1)).map((_: number, i: number) => i * 3);
      assert.deepEqual(decodeNpy(encodeNpy({ shape, data } as NpyArray), "x.npy"), { shape, data });
    }),
    { seed: 4 },
  );
});

Deno.test("encodeNpy refuses a shape that is not the data's", () => {
  assert.throws(() => encodeNpy({ shape: [2, 2], data: new Float32Array(5) }), /found 5/);
  assert.throws(() => encodeNpy({ shape: [-1, -5], data: new Float32Array(5) }), /found 5/);
});

Deno.test("decodeNpy never reads a cut file, nor a flipped header as another array", () => {
  // There is no checksum: flips inside the data are other numbers. A flip inside the header must be an error, or leave
  // the array as it is (white space, the shape's order of no effect), or give another array of the same byte length.
  const length = bytes.length - 24;
  damage(bytes, "d.npy", (b) => decodeNpy(b, "d.npy"), () => true);
  damage(bytes.slice(0, length), "d.npy", (b) => {
    const whole = new Uint8Array(b.length + 24);
    whole.set(b);
    return decodeNpy(whole, "d.npy");
  }, (value) => (value as NpyArray).data.byteLength === 24);
  damage(bytes, "d.npy", (b) => decodeNpy(b, "d.npy"), () => false, false);
});

Deno.test("decodeNpy says what is wrong", () => {
  refuses(new Uint8Array(0), /^SceneError: d\.npy: Not a \.npy file/);
  refuses(bytes.slice(0, 8), /ends after 8 bytes/);
  refuses(bytes.slice(0, 40), /ends inside its header/);
  refuses(bytes.slice(0, bytes.length - 1), /Torn .* expected 24 bytes for shape \(2, 3\), found 23/);
  refuses(Uint8Array.of(...bytes, 0), /Overlong .* found 25/);
  const text = (descr: string, fortran: string, shape: string) =>
    withHeader(`{'descr': '${descr}', 'fortran_order': ${fortran}, 'shape': (${shape}), }\n`);
  assert.doesNotThrow(() => decodeNpy(text("<f4", "False", "2, 3"), "d.npy"));
  refuses(text("<f8", "False", "3,"), /Expected '<f4', '<i4' or '\|u1' elements, found '<f8'/);
  refuses(text(">f4", "False", "6,"), /found '>f4'/);
  refuses(text("<f4", "True", "2, 3"), /Fortran order/);
  refuses(text("<f4", "False", "6"), /shape \(6\)/);
  refuses(text("<f4", "False", "2,,3"), /shape/);
  refuses(text("<f4", "False", "99999999999999, 99999999999999"), /Torn/);
  refuses(text("<f4", "False", "1, ".repeat(9)), /shape/);
  refuses(withHeader("{'descr': '<f4'}\n"), /Damaged \.npy header/);
  refuses(withHeader("x".repeat(5000)), /header of at most 4096 bytes, found 5000/);
  refuses(withHeader("{}\n", 2), /version 1\.0, found 2\.0/);
});

Deno.test("decodeNpyFloat32 insists on type and shape", () => {
  assert.deepEqual(decodeNpyFloat32(bytes, "d.npy", [2, 3]), array.data);
  assert.throws(() => decodeNpyFloat32(bytes, "d.npy", [3, 2]), /Expected the shape \(3, 2\), found \(2, 3\)/);
  const whole = encodeNpy({ shape: [2], data: Int32Array.of(1, 2) });
  assert.throws(() => decodeNpyFloat32(whole, "d.npy", [2]), /Expected float32/);
});
