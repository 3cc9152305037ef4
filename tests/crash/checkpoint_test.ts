import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { CheckpointStore, decodeCheckpoint, encodeCheckpoint } from "../../runner/checkpoint.ts";
import { StopFlag } from "../../runner/stop.ts";
import { programTest } from "../permissions.ts";
import { attempt, freshFolder, mustEndAs, undisturbed } from "./attempt.ts";
import { orderFaults } from "./faults.ts";
import type { ToyOptions } from "../runner/harness.ts";

/** Flips one bit in the middle of a file. */
async function flip(path: string): Promise<void> {
  const bytes = await Deno.readFile(path);
  const at = bytes.length >> 1;
  bytes[at] = (bytes[at] ?? 0) ^ 16;
  await Deno.writeFile(path, bytes);
}

/** Rewrites the header of a checkpoint and its checksum, as another version of this program might have written it. */
async function rewrite(path: string, change: (header: Record<string, unknown>) => void): Promise<void> {
  const bytes = await Deno.readFile(path);
  const length = new DataView(bytes.buffer).getUint32(8, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(12, 12 + length)));
  change(header);
  const text = new TextEncoder().encode(JSON.stringify(header));
  const lead = new Uint8Array(Math.ceil((12 + text.length) / 4) * 4);
  lead.set(bytes.subarray(0, 8));
  new DataView(lead.buffer).setUint32(8, text.length, true);
  lead.set(text, 12);
  const body = new Uint8Array([...lead, ...bytes.subarray(Math.ceil((12 + length) / 4) * 4, -32)]);
  await Deno.writeFile(path, new Uint8Array([...body, ...createHash("sha256").update(body).digest()]));
}

programTest(
  "run goes on from the checkpoint before, or anew, where one is damaged or of another version",
  async (folder) => {
    const { report } = await undisturbed(folder);
    const damages: readonly [what: string, damage: (checkpoints: string) => Promise<void>, told: RegExp[]][] = [
      ["nothing", () => Promise.resolve(), [/^Going on from step 2$/]],
      ["the newest", (at) => flip(`${at}/a.bin`), [
        /^A checkpoint cannot be used, \S+\/checkpoint\/a\.bin is damaged.*: the one of step 1 is used$/,
        /^Going on from step 1$/,
      ]],
      ["the newest, cut", (at) => Deno.truncate(`${at}/a.bin`, 50), [/the one of step 1 is used$/, /from step 1$/]],
      ["the older one", (at) => flip(`${at}/b.bin`), [/b\.bin is damaged.*the one of step 2 is used$/, /from step 2$/]],
      ["both", async (at) => {
        await flip(`${at}/a.bin`);
        await flip(`${at}/b.bin`);
      }, [/a\.bin is damaged.*: the stage starts from its beginning$/, /b\.bin is damaged.*beginning$/]],
      ["another magic", async (at) => {
        for (const slot of ["a", "b"]) {
          const bytes = await Deno.readFile(`${at}/${slot}.bin`);
          bytes[7] = "2".charCodeAt(0);
          const body = bytes.subarray(0, -32);
          bytes.set(createHash("sha256").update(body).digest(), body.length);
          await Deno.writeFile(`${at}/${slot}.bin`, bytes);
        }
      }, [/a\.bin is damaged, or another version of Stillroom wrote it: the stage starts/, /b\.bin/]],
      ["another header", (at) => rewrite(`${at}/a.bin`, (header) => delete header.csv), [/step 1 is used$/, /step 1$/]],
      ["other arrays", (at) =>
        rewrite(`${at}/a.bin`, (header) => {
          header.tensors = [{ name: "weights", type: "f64", length: 8 }];
        }), [/step 1 is used$/, /step 1$/]],
      ["more than there is", (at) =>
        rewrite(`${at}/a.bin`, (header) => {
          header.tensors = [{ name: "weights", type: "f32", length: 9 }];
        }), [/step 1 is used$/, /step 1$/]],
      ["a row", async (at) => {
        const table = `${at}/../training.csv`;
        await Deno.truncate(table, (await Deno.stat(table)).size - 1);
      }, [/rows are missing that \S+a\.bin counts on: the one of step 1/, /from step 1$/]],
      ["all rows", (at) => Deno.remove(`${at}/../training.csv`), [/rows are missing/, /rows are missing.*beginning$/]],
    ];
    for (const [index, [what, damage, told]] of damages.entries()) {
      const here = await freshFolder(folder, String(index));
      // Stopped at step 2, where it saves: then there are two checkpoints.
      const stop = new StopFlag();
      const options: ToyOptions = {
        overrides: ["steps=3"],
        checkpointSeconds: 0,
        stop,
        sink: { progress: ({ done }) => done === 2 && stop.stop() },
      };
      assert.equal((await attempt(here, {}, options)).status, "stopped");
      const [checkpoint] = (await Array.fromAsync(Deno.readDir(`${here}/cache`)))
        .map(({ name }) => `${here}/cache/${name}/checkpoint`).filter((path) => isFolder(path));
      await damage(checkpoint ?? "");
      const { events } = await mustEndAs(report, here);
      const heard = events.filter((event) => /checkpoint|Going on/.test(event));
      assert.equal(heard.length, told.length, `${what}: ${heard.join("; ")}`);
      told.forEach((pattern, at) => assert.match(heard[at] ?? "", pattern, what));
    }
  },
);

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

programTest("CheckpointStore gives its space back when the disk is full, and keeps the one before", async (folder) => {
  const store = new CheckpointStore(folder);
  const sample = (sequence: number) => ({
    step: sequence,
    sequence,
    elapsed: 0,
    csv: {},
    state: null,
    tensors: { weights: new Float32Array(1000).fill(sequence) },
  });
  await store.save(sample(1));
  {
    using _full = orderFaults({ within: folder, fail: { from: 3, code: "ENOSPC" } });
    await assert.rejects(store.save(sample(2)), { code: "ENOSPC" });
  }
  assert.deepEqual([...Deno.readDirSync(`${folder}/checkpoint`)].map(({ name }) => name), ["b.bin"]);
  assert.deepEqual(await store.load(), sample(1));
  assert.deepEqual(decodeCheckpoint(encodeCheckpoint(sample(1))), sample(1));
});
