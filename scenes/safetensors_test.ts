import assert from "node:assert/strict";
import fc from "fast-check";
import { damage, testOnData } from "./_test_data.ts";
import { decodeSafetensors, encodeSafetensors, readSafetensors, type Tensor, type Tensors } from "./safetensors.ts";

const tensors: Record<string, Tensor> = {
  "layer.1/weight": { shape: [2, 2], data: Float32Array.of(1, -2, 0.5, 1e-40) },
  flags: { shape: [3], data: Uint8Array.of(1, 0, 255) },
  counts: { shape: [], data: Uint32Array.of(4294967295) },
  table: { shape: [0, 7], data: new Int32Array(0) },
};
const bytes = encodeSafetensors(tensors, { format: "stillroom", note: 'a "quote"' });
const refuses = (b: Uint8Array, message: RegExp) => assert.throws(() => decodeSafetensors(b, "m.safetensors"), message);

/** A file with any header and so much data. */
function withHeader(header: unknown, data = 8): Uint8Array {
  const json = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const out = new Uint8Array(8 + json.length + data);
  new DataView(out.buffer).setBigUint64(0, BigInt(json.length), true);
  out.set(json, 8);
  return out;
}

Deno.test("decodeSafetensors of encodeSafetensors is the content", () => {
  const back = decodeSafetensors(bytes, "m.safetensors");
  assert.deepEqual(back.metadata, { format: "stillroom", note: 'a "quote"' });
  assert.deepEqual(Object.fromEntries(back.tensors), tensors);
  const name = fc.string({ maxLength: 5 }).filter((n) => n !== "__metadata__");
  fc.assert(
    fc.property(fc.uniqueArray(fc.tuple(name, fc.nat(4)), { selector: ([n]) => n }), (list) => {
      const some = new Map(list.map(([n, size]): [string, Tensor] => {
        return [n, {
          shape: [size],
          data: size % 2 ? new Uint8Array(size).fill(size) : new Float32Array(size).fill(size),
        }];
      }));
      const encoded = encodeSafetensors(some);
      const found = decodeSafetensors(encoded, "x");
      assert.equal(found.tensors.size, some.size);
      for (const [n, tensor] of some) assert.deepEqual(found.tensors.get(n), tensor);
      assert.deepEqual(encodeSafetensors(new Map([...some].reverse())), encoded);
    }),
    { seed: 5 },
  );
});

Deno.test("encodeSafetensors aligns the data and puts four-byte types first", () => {
  const header = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  assert.equal(header % 8, 0);
  assert.deepEqual([...decodeSafetensors(bytes, "x").tensors.keys()], ["counts", "layer.1/weight", "table", "flags"]);
});

Deno.test("encodeSafetensors refuses wrong shapes and the reserved name", () => {
  assert.throws(() => encodeSafetensors({ a: { shape: [3], data: new Float32Array(2) } }), /elements in a .* found 2/);
  assert.throws(() => encodeSafetensors({ __metadata__: { shape: [2], data: new Float32Array(2) } }), /other than/);
});

Deno.test("decodeSafetensors never reads a cut file or a header that does not fit", () => {
  const total = (value: unknown) => [...(value as Tensors).tensors.values()].reduce((n, t) => n + t.data.byteLength, 0);
  // There is no checksum: what a flip may leave is a file that still accounts for every byte.
  damage(bytes, "m.safetensors", (b) => decodeSafetensors(b, "m.safetensors"), (value) => total(value) === 23);
});

Deno.test("decodeSafetensors says what is wrong", () => {
  const entry = (from: number, to: number, shape = [(to - from) / 4]) => ({
    dtype: "F32",
    shape,
    data_offsets: [from, to],
  });
  assert.doesNotThrow(() => decodeSafetensors(withHeader({ a: entry(0, 4), b: entry(4, 8) }), "m.safetensors"));
  refuses(new Uint8Array(3), /^SceneError: m\.safetensors: Torn .* ends after 3 bytes/);
  refuses(new Uint8Array(20).fill(255), /header of 2 to 100000000 bytes/);
  refuses(bytes.slice(0, 50), /ends inside its header/);
  refuses(withHeader("{nonsense"), /Damaged safetensors header/);
  refuses(withHeader([1]), /expected a JSON object/);
  refuses(withHeader({ __metadata__: { a: 1 } }), /text values/);
  refuses(withHeader({ a: { dtype: "F32" } }), /a\.shape/);
  refuses(withHeader({ a: { ...entry(0, 8), dtype: "BF16" } }), /in a, found BF16/);
  refuses(withHeader({ a: { ...entry(0, 8), dtype: "toString" } }), /in a, found toString/);
  refuses(withHeader({ a: entry(0, 8, [3]) }), /Expected 12 bytes for a \(F32, shape 3\), found 8/);
  refuses(withHeader({ a: entry(0, 8, [-2]) }), /shape/);
  refuses(withHeader({ a: entry(0, 8), b: entry(4, 8) }), /Expected b to start at byte 8 .* found 4 \(overlap\)/);
  refuses(withHeader({ a: entry(4, 8) }), /Expected a to start at byte 0 .* found 4 \(gap\)/);
  refuses(withHeader({ a: entry(8, 4, [-1]) }), /shape/);
  refuses(withHeader({ a: entry(0, 2 ** 40, [2 ** 38]) }), /Torn .* expected 1099511627776 bytes of data, found 8/);
  refuses(withHeader({ a: entry(0, 4) }), /Overlong .* expected 4 bytes of data, found 8/);
});

testOnData("readSafetensors reads a file of another writer", async (folder) => {
  const file = `${folder}/splats/brush_tiny_case.safetensors`;
  const { tensors } = await readSafetensors(file);
  assert.deepEqual(tensors.get("out_img")?.shape, [82, 123, 4]);
});
