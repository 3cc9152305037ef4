/** deno.json against docs/security.md: every task has the permissions that are listed there with a reason, and no others. */
import assert from "node:assert/strict";
import { TRIAL_PERMISSIONS } from "../cli/sweep_command.ts";
import { fileTest } from "./permissions.ts";
import { root } from "./runner/harness.ts";

/** Tasks that start a program, with its command. */
async function tasks(path: string): Promise<[name: string, command: string][]> {
  const { tasks } = JSON.parse(await Deno.readTextFile(path)) as {
    tasks: Record<string, string | { command: string }>;
  };
  return Object.entries(tasks).map(([name, task]) => [name, typeof task === "string" ? task : task.command]);
}

/** The options of a command that give permissions. */
function permissions(command: string): string[] {
  return command.split(/\s+/).filter((word) =>
    /^(?:-[A-Za-z]*A|--(?:allow|deny|unsafe|no-prompt)\b.*|-[RWENSI]\b.*)$/.test(word)
  );
}

/** Rows of the table: task, permissions, reason. */
async function table(): Promise<Map<string, { permissions: string[]; why: string }>> {
  const text = await Deno.readTextFile(`${root}/docs/security.md`);
  const [, body = ""] = /^## Permissions of the tasks\n([\s\S]*?)(?=^## |$(?![\s\S]))/m.exec(text) ?? [];
  const rows = [...body.matchAll(/^\| `([\w:]+)` *\|(.*?)\|(.*)\|$/gm)];
  return new Map(rows.map(([, task = "", list = "", why = ""]) => [
    task,
    { permissions: [...list.matchAll(/`([^`]+)`/g)].map(([, one = ""]) => one), why: why.trim() },
  ]));
}

fileTest("deno.json: each task has exactly the permissions that docs/security.md lists with a reason", async () => {
  const listed = await table();
  const starting = (await tasks(`${root}/deno.json`)).filter(([, command]) => permissions(command).length > 0);
  assert.ok(starting.length >= 10, "tasks are found");
  assert.deepEqual([...listed.keys()].sort(), starting.map(([name]) => name).sort(), "every task has its row");
  for (const [name, command] of starting) {
    assert.deepEqual(permissions(command), listed.get(name)?.permissions, `task ${name}`);
    assert.ok((listed.get(name)?.why.length ?? 0) > 10, `why task ${name} needs them`);
  }
});

fileTest("deno.json: no task asks for everything, the network, foreign code or native libraries", async () => {
  for (const path of ["deno.json", "docs/example/deno.json"]) {
    for (const [name, command] of await tasks(`${root}/${path}`)) {
      assert.doesNotMatch(
        command,
        /\s(?:-\w*A\w*|--allow-(?:all|net|ffi|import)\b|--unsafe\S*|--unstable-ffi)/,
        `${path}: ${name}`,
      );
      assert.doesNotMatch(command, /deno (?:run|test|eval)\s[^&|]*https?:/, `${path}: ${name}`);
      if (name !== "test:long") {
        assert.doesNotMatch(command, /--allow-run(?:\s|$)/, `${path}: ${name} names its programs`);
      }
    }
  }
});

fileTest("a sweep's points have the permissions of the task trial", async () => {
  const [, command = ""] = (await tasks(`${root}/deno.json`)).find(([name]) => name === "trial") ?? [];
  assert.deepEqual([...TRIAL_PERMISSIONS], permissions(command));
});
