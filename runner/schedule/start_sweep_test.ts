import assert from "node:assert/strict";
import { fileTest, programTest } from "../../tests/permissions.ts";
import { processStarter, sweepArguments } from "./start_sweep.ts";

const started = new Date("2027-01-02T03:04:05.678Z");
const never = new AbortController().signal;

programTest("processStarter runs deno in the project, and keeps what it prints", async (root) => {
  const script = `console.log(Deno.args.join(" "), Deno.cwd().endsWith(${
    JSON.stringify(root.slice(-8))
  }));\nconsole.error("bad");\nDeno.exit(3);\n`;
  await Deno.writeTextFile(`${root}/sweep.js`, script);
  const start = processStarter({ root, logs: root, args: ["run", "--quiet", "--allow-read", "sweep.js", "sweep"] });
  const { code } = await start("sweeps/a b.yaml", { name: "a_b", started, stop: never, kill: never });
  assert.equal(code, 3);
  const log = await Deno.readTextFile(`${root}/a_b-20270102T030405Z.log`);
  assert.deepEqual(log.trimEnd().split("\n").sort(), ["bad", "sweep --leash sweeps/a b.yaml true"]);
});

programTest("processStarter sends TERM when it shall stop and KILL when it shall end at once", async (root) => {
  await Deno.writeTextFile(`${root}/sweep.js`, "setInterval(() => {}, 1000);\n");
  const start = processStarter({ root, logs: root, args: ["run", "--quiet", "sweep.js"] });
  const raised = AbortSignal.abort();
  assert.equal((await start("a", { name: "a", started, stop: raised, kill: never })).code, 143);
  assert.equal((await start("a", { name: "a", started, stop: never, kill: raised })).code, 137);
});

fileTest(
  "sweepArguments() takes the words of the task, so that a sweep has its permissions and no more",
  async (root) => {
    const asTask = ["task", "--quiet", "sweep"];
    assert.deepEqual(await sweepArguments(root), asTask);
    const command = "deno run --quiet --allow-read --allow-write=cache,runs  cli/main.ts sweep";
    const words = ["run", "--quiet", "--allow-read", "--allow-write=cache,runs", "cli/main.ts", "sweep"];
    for (
      const [tasks, expected] of [
        [{ sweep: command }, words],
        [{ sweep: { description: "Sweep", command } }, words],
        [{ sweep: "deno run a.ts && rm b" }, asTask],
        [{ sweep: "deno run $HOME/a.ts" }, asTask],
        [{}, asTask],
      ] as const
    ) {
      await Deno.writeTextFile(`${root}/deno.json`, JSON.stringify({ tasks }));
      assert.deepEqual(await sweepArguments(root), expected);
    }
    await Deno.writeTextFile(`${root}/deno.json`, `{ // a comment\n "tasks": { "sweep": "${command}" } }`);
    assert.deepEqual(await sweepArguments(root), asTask);
  },
);
