/** What the commands say of themselves: each has a task, a section in docs/commands.md, and help with examples. */
import assert from "node:assert/strict";
import { fileTest } from "./permissions.ts";

const root = new URL("../", import.meta.url);
const read = (path: string) => Deno.readTextFile(new URL(path, root));

/** The files that hold the words of the commands, with the names of the commands in them. */
async function commandFiles(): Promise<{ text: string; names: string[] }[]> {
  const files: { text: string; names: string[] }[] = [];
  for await (const { name } of Deno.readDir(new URL("cli/", root))) {
    if (!name.endsWith("_arguments.ts")) continue;
    const text = await read(`cli/${name}`);
    files.push({ text, names: [...text.matchAll(/\bcommand\(\s*"([\w-]+)"/g)].map(([, found]) => found!) });
  }
  return files;
}

fileTest("docs/commands.md has a section for every command, and every command a task", async () => {
  const names = (await commandFiles()).flatMap((file) => file.names);
  assert.ok(names.includes("run") && names.includes("export"), `${names}`);
  const sections = [...(await read("docs/commands.md")).matchAll(/^## (\S+)$/gm)].map(([, name]) => name);
  assert.deepEqual(names.toSorted(), sections.toSorted());
  const { tasks } = JSON.parse(await read("deno.json")) as { tasks: Record<string, { command?: string }> };
  for (const name of names) assert.match(tasks[name]?.command ?? "", new RegExp(`cli/main\\.ts ${name}$`));
});

fileTest("examples of a command are commands of that name with options that it has", async () => {
  for (const { text, names } of await commandFiles()) {
    const options = [...text.matchAll(/option\(\s*"(--[\w-]+)"/g)].map(([, name]) => name!);
    const shared = [...(await read("cli/options.ts")).matchAll(/option\("(--[\w-]+)"/g)].map(([, name]) => name!);
    for (const [, line = ""] of text.matchAll(/\[\s*["'`](deno task [^\n]+?)["'`],\s/g)) {
      const own = line.split(" | ")[0]!;
      assert.ok(names.includes(own.split(" ")[2]!), line);
      for (const [used] of own.matchAll(/(?<= )--[\w-]+/g)) assert.ok([...options, ...shared].includes(used), line);
    }
  }
});
