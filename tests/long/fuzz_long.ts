/**
 * Every reader of files against 10,000 damaged or hostile inputs each: it gives a value or a clear error, and never crashes, hangs or
 * allocates beyond what its target in `tests/fuzz/` declares. The inputs are the same each run.
 */

import assert from "node:assert/strict";
import { fromFileUrl } from "../../runner/urls.ts";
import type { Report } from "../fuzz/child.ts";
import { INPUTS, Inputs } from "../fuzz/inputs.ts";
import { programTest } from "../permissions.ts";
import { loadTarget, targetNames } from "../fuzz/targets.ts";

/** A single input that takes longer hangs; the slowest sound one takes well below a second. */
const HANGS_MS = 60_000;
/** Two processes at a time. */
const AT_A_TIME = 2;

/** How a child ended. */
interface Outcome {
  /** Inputs that it was done with. */
  readonly done: number;
  /** Its report; undefined where it was killed, or died. */
  readonly report?: Report;
  /** Why there is no report. */
  readonly death?: string;
}

const child = fromFileUrl(new URL("../fuzz/child.ts", import.meta.url).href);
const root = fromFileUrl(new URL("../../", import.meta.url).href);

/** Fuzzes a target in a process that may do no more than read, and write to its own folder. */
async function fuzz(name: string, folder: string): Promise<Outcome> {
  const process = new Deno.Command("deno", {
    args: [
      ...["run", "--quiet", "--no-prompt", "--cached-only", "--allow-read", `--allow-write=${folder}`],
      // The YAML parser and zod look at variables; what the readers of runs ask of the system is the host's name.
      ...["--allow-env", "--allow-sys=hostname,cpus", "--v8-flags=--max-old-space-size=1024"],
      ...[child, name, String(INPUTS), folder],
    ],
    cwd: root,
    clearEnv: true,
    env: environment(),
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const complaint = process.stderr.text();
  let done = 0, line = "", hung = false;
  const watchdog = () =>
    setTimeout(() => {
      hung = true;
      process.kill("SIGKILL");
    }, HANGS_MS);
  let timer = watchdog();
  const decoder = new TextDecoder();
  for await (const bytes of process.stdout) {
    clearTimeout(timer);
    timer = watchdog();
    for (const letter of decoder.decode(bytes, { stream: true })) {
      if (line === "" && letter === ".") done++;
      else line += letter;
    }
  }
  clearTimeout(timer);
  const { success, signal, code } = await process.status;
  const said = await complaint;
  if (success) return { done, report: JSON.parse(line) as Report };
  return {
    done,
    death: hung ? `hangs for more than ${HANGS_MS / 1000} s` : `dies of ${signal ?? code}: ${said.slice(-2000)}`,
  };
}

function environment(): Record<string, string> {
  const kept = ["PATH", "HOME", "DENO_DIR", "TMPDIR"].map((name) => [name, Deno.env.get(name)]);
  return { ...Object.fromEntries(kept.filter(([, value]) => value !== undefined)), NO_COLOR: "1" };
}

programTest(
  `readers of files take ${INPUTS} hostile inputs each without a crash, a hang or a large allocation`,
  async (folder, t) => {
    const waiting = [...targetNames], outcomes = new Map<string, Outcome>();
    const work = async () => {
      for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
        const own = `${folder}/${name.replaceAll(" ", "_")}`;
        await Deno.mkdir(own);
        outcomes.set(name, await fuzz(name, own));
      }
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, work));
    for (const name of targetNames) {
      await t.step(name, async () => {
        const { done, report, death } = outcomes.get(name)!;
        if (report === undefined) {
          const again = `${folder}/again_${name.replaceAll(" ", "_")}`;
          await Deno.mkdir(again);
          const bytes = new Inputs(await loadTarget(name, again)).at(done);
          assert.fail(`The reader of ${name} ${death} at input ${done}: ${bytes.slice(0, 4096).toHex()}`);
        }
        const { parsed, refused, refusedSeeds, most, faults } = report;
        console.log(
          `${name}: ${parsed} read, ${refused} refused; at most ${
            (100 * most).toFixed(0)
          } % of the memory that is allowed`,
        );
        const told = faults.map(({ index, problem, hex, shrunk }) =>
          `input ${index}: ${problem}\n  shrunk to ${shrunk.slice(0, 2000)}\n  from ${hex.slice(0, 2000)}`
        );
        assert.deepEqual(told, [], `The reader of ${name} has ${faults.length} faults`);
        assert.equal(done, INPUTS);
        assert.deepEqual(refusedSeeds, [], "what our own writers made is read");
        assert.ok(parsed > 0, `${name} is never read`);
      });
    }
  },
);
