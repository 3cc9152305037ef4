import assert from "node:assert/strict";
import { fileTest } from "../tests/permissions.ts";
import { CheckpointStore, decodeCheckpoint, encodeCheckpoint, type StoredCheckpoint } from "./checkpoint.ts";

function sample(sequence: number): StoredCheckpoint {
  return {
    sequence,
    step: sequence * 10,
    elapsed: 1.5,
    state: { random: [1, 2, 3], name: "ü" },
    csv: { "training.csv": 42 },
    tensors: {
      weights: new Float32Array([1, -2.5, NaN, Infinity, sequence]),
      counts: new Uint32Array([0, 2 ** 32 - 1]),
      signs: new Int32Array([-1, 5]).subarray(1),
      empty: new Float32Array(0),
    },
  };
}

Deno.test("decodeCheckpoint() gives back what encodeCheckpoint() took", () => {
  assert.deepEqual(decodeCheckpoint(encodeCheckpoint(sample(3))), sample(3));
  const shifted = new Uint8Array(encodeCheckpoint(sample(3)).length + 1);
  shifted.set(encodeCheckpoint(sample(3)), 1);
  assert.deepEqual(decodeCheckpoint(shifted.subarray(1)), sample(3), "bytes that are not aligned");
});

Deno.test("decodeCheckpoint() sees every cut and every changed byte", () => {
  const bytes = encodeCheckpoint(sample(1));
  for (let i = 0; i < bytes.length; i++) {
    assert.equal(decodeCheckpoint(bytes.subarray(0, i)), undefined, `cut at ${i}`);
    const damaged = bytes.slice();
    damaged[i] = (damaged[i] ?? 0) ^ 1;
    assert.equal(decodeCheckpoint(damaged), undefined, `changed at ${i}`);
  }
});

Deno.test("encodeCheckpoint() refuses other arrays", () => {
  const bad = { ...sample(1), tensors: { x: new Float64Array(1) as unknown as Float32Array } };
  assert.throws(() => encodeCheckpoint(bad), /Float32Array, Uint32Array and Int32Array only/);
});

fileTest("CheckpointStore falls back to the one before when the newest is damaged anywhere", async (folder) => {
  const store = new CheckpointStore(folder);
  assert.equal(await store.load(), undefined);
  for (const sequence of [1, 2, 3]) await store.save(sample(sequence));
  assert.deepEqual(await store.load(), sample(3));
  const newest = `${folder}/checkpoint/b.bin`;
  const bytes = await Deno.readFile(newest);
  assert.deepEqual(bytes, encodeCheckpoint(sample(3)));
  for (let i = 0; i < bytes.length; i += 7) {
    await Deno.writeFile(newest, bytes.subarray(0, i));
    assert.deepEqual(await store.load(), sample(2));
    const damaged = bytes.slice();
    damaged[i] = (damaged[i] ?? 0) ^ 255;
    await Deno.writeFile(newest, damaged);
    assert.deepEqual(await store.load(), sample(2));
  }
  await Deno.writeFile(`${folder}/checkpoint/a.bin.tmp`, bytes.subarray(0, 9)); // killed while saving
  await store.save(sample(3));
  assert.deepEqual(await store.load(), sample(3));
  await store.remove();
  await store.remove();
  assert.equal(await store.load(), undefined);
});
