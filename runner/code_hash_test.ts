import assert from "node:assert/strict";
import { programTest } from "../tests/permissions.ts";
import { type CodeHash, hashCode } from "./code_hash.ts";
import { ModuleGraph } from "./module_graph.ts";
import { toFileUrl } from "./urls.ts";

const files = {
  "stage.ts": `
    import { learn, type Options } from "./learn.ts";
    import shader from "./kernel.wgsl" with { type: "text" };
    export const run = (options: Options) => learn(options.rate) + shader.length;
  `,
  "learn.ts": `
    export interface Options { rate: number }
    /** Learns. */
    export function learn(rate: number): number { const factor = 3; return rate * factor; }
  `,
  "kernel.wgsl": "@compute @workgroup_size(64) fn main() {}\n",
  "other.ts": "export const unrelated = 1;\n",
};

programTest("hashCode() changes with what runs and with nothing else", async (folder, t) => {
  const hash = async (bundle?: () => Promise<undefined>): Promise<CodeHash> => {
    const graph = new ModuleGraph(folder);
    const url = toFileUrl(`${folder}/stage.ts`);
    await graph.add(url);
    return await hashCode(graph, url, `${folder}/cache`, bundle);
  };
  const edit = async (name: keyof typeof files, from: string | RegExp, to: string) => {
    const text = files[name].replace(from, to);
    assert.notEqual(text, files[name], "the edit must change something");
    await Deno.writeTextFile(`${folder}/${name}`, text);
  };
  const restore = async () => {
    for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(`${folder}/${name}`, text);
  };
  await restore();
  const base = await hash();
  assert.deepEqual(Object.keys(base.files), ["kernel.wgsl", "learn.ts", "stage.ts"]);

  const edits: [string, boolean, keyof typeof files, string | RegExp, string][] = [
    ["a comment", false, "learn.ts", "Learns.", "Learns slowly."],
    ["formatting", false, "learn.ts", "{ const", "{\n\n\n  const"],
    ["a type", false, "learn.ts", "rate: number }", "readonly rate: number; more?: string }"],
    ["an unused export", false, "learn.ts", "export interface", "export const unused = 9;\nexport interface"],
    ["a file that is not imported", false, "other.ts", "1", "2"],
    ["a constant", true, "learn.ts", "factor = 3", "factor = 4"],
    ["a shader", true, "kernel.wgsl", "64", "32"],
    ["a white space in a shader", true, "kernel.wgsl", "fn main", "fn  main"],
    ["an operator", true, "stage.ts", "+ shader", "- shader"],
  ];
  for (const [what, changes, name, from, to] of edits) {
    await t.step(`${what} ${changes ? "changes" : "does not change"} it`, async () => {
      await edit(name, from, to);
      const found = await hash();
      await restore();
      assert.equal(found.semantic !== base.semantic, changes);
    });
  }
  await t.step("a hash that is known is not computed again", async () => {
    const never = () => Promise.reject(new Error("Bundled again"));
    assert.equal((await hash(never)).semantic, base.semantic);
  });
  await t.step(
    "an import map that swaps two files, and Deno's options, are seen though no file of the graph changes",
    async () => {
      const swapped = { "one": "./other.ts", "two": "./learn.ts" },
        straight = { "one": "./learn.ts", "two": "./other.ts" };
      await Deno.writeTextFile(
        `${folder}/stage.ts`,
        `import * as a from "one";\nimport * as b from "two";\nexport const names = [Object.keys(a), Object.keys(b)];\n`,
      );
      const withSettings = async (settings: object) => {
        await Deno.writeTextFile(`${folder}/deno.json`, JSON.stringify(settings));
        return await hash();
      };
      const one = await withSettings({ imports: straight });
      const two = await withSettings({ imports: swapped });
      assert.deepEqual(one.files, two.files);
      assert.notEqual(one.semantic, two.semantic);
      const asked: string[] = [];
      const bundle = (path: string) => (asked.push(path), Promise.resolve("bundled"));
      for (const compilerOptions of [{ strict: true }, { strict: false }, { strict: true }]) {
        await Deno.writeTextFile(`${folder}/deno.json`, JSON.stringify({ imports: straight, compilerOptions }));
        const graph = new ModuleGraph(folder), url = toFileUrl(`${folder}/stage.ts`);
        await graph.add(url);
        await hashCode(graph, url, `${folder}/cache`, bundle);
      }
      assert.equal(asked.length, 2, "options that were seen before are remembered");
      await Deno.remove(`${folder}/deno.json`);
      await restore();
    },
  );
  await t.step("without a bundler every byte counts", async () => {
    const none = () => Promise.resolve(undefined);
    await edit("learn.ts", "Learns.", "Learns nothing.");
    const one = await hash(none);
    await edit("learn.ts", "Learns.", "Learns a lot.");
    assert.notEqual((await hash(none)).semantic, one.semantic);
  });
});
