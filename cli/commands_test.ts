/** The light table of commands says what the parsers say, and reaches what it names. */
import assert from "node:assert/strict";
import { or } from "@optique/core/constructs";
import { formatMessage } from "@optique/core/message";
import { getDocPage } from "@optique/core/parser";
import { command } from "../tests/runner/harness.ts";
import { fileTest, programTest } from "../tests/permissions.ts";
import { COMMANDS } from "./commands.ts";
import { overview } from "./overview.ts";

fileTest("COMMANDS names each parser's command, and briefs are the parsers' own", async () => {
  const parsers = await Promise.all(Object.values(COMMANDS).map((item) => item.parser()));
  const entries = getDocPage(or(...parsers))?.sections.flatMap((section) => section.entries) ?? [];
  const said = entries.flatMap(({ term, description }) =>
    term.type === "command" ? [[term.name, formatMessage(description ?? [], { quotes: false })]] : []
  );
  assert.deepEqual(Object.entries(COMMANDS).map(([name, { brief }]) => [name, brief]), said);
});

fileTest("COMMANDS loads every command that a file of arguments defines", async () => {
  const defined: string[] = [];
  for await (const { name } of Deno.readDir(new URL(".", import.meta.url))) {
    if (!name.endsWith("_arguments.ts")) continue;
    const text = await Deno.readTextFile(new URL(name, import.meta.url));
    defined.push(...[...text.matchAll(/\bcommand\(\s*"([\w-]+)"/g)].map(([, found]) => found!));
  }
  assert.deepEqual(Object.keys(COMMANDS).toSorted(), defined.toSorted());
});

fileTest("load is told the path of the type that it is said to give, and the file is there", async () => {
  let loads = 0;
  for (const name of ["commands.ts", "main.ts"]) {
    const text = await Deno.readTextFile(new URL(name, import.meta.url));
    for (const [call, type, path] of text.matchAll(/\bload<typeof import\("([^"]+)"\)>\(\s*"([^"]+)"/g)) {
      assert.equal(type, path, call);
      await Deno.stat(new URL(path!, import.meta.url));
      loads++;
    }
    assert.equal(text.match(/\bload<typeof/g)?.length, text.match(/\bload<typeof import\("[^"]+"\)>\(\s*"/g)?.length);
    assert.doesNotMatch(text, /\bawait import\("/, `${name}: Deno reads all that such an import leads to`);
  }
  assert.ok(loads > Object.keys(COMMANDS).length, `${loads}`);
});

Deno.test("overview has a line for each command", () => {
  const lines = overview().split("\n");
  for (const [name, { brief }] of Object.entries(COMMANDS)) {
    assert.ok(lines.some((line) => line.startsWith(`  ${name} `) && line.endsWith(`  ${brief}`)), name);
  }
});

programTest("words that name no command end with 2 and the nearest name; help ends with 0", async () => {
  const ask = async (...words: string[]) => {
    const { code, stdout, stderr } = await command(words).output();
    return { code, out: new TextDecoder().decode(stdout), err: new TextDecoder().decode(stderr) };
  };
  const wrong = await ask("lst");
  assert.equal(wrong.code, 2);
  assert.match(wrong.err, /`lst`[\s\S]*Did you mean `list`\?/);
  const none = await ask();
  assert.equal(none.code, 2);
  assert.match(none.err, /deno task explain[\s\S]*No matching command/);
  const option = await ask("run", "x.ts", "--sead", "3");
  assert.equal(option.code, 2);
  assert.match(option.err, /`--seed`/);
  assert.doesNotMatch(option.err, /deno task explain/, "usage of the named command only");
  assert.deepEqual(await ask("--help"), { code: 0, out: `${overview()}\n`, err: "" });
});
