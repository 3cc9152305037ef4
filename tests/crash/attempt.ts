/** Runs the toy of four stages in this process while the disk or the clock misbehaves. */

import assert from "node:assert/strict";
import { explainDisk } from "../../runner/disk_trouble.ts";
import { failureText, isUserFacing } from "../../runner/errors.ts";
import type { ProgressSink } from "../../runner/progress.ts";
import type { RunReport } from "../../runner/run.ts";
import { runToy, type ToyOptions } from "../runner/harness.ts";
import { type Call, type Order, orderFaults } from "./faults.ts";
import { copyFolder, debris, finalReport } from "./lab.ts";

/** What a run in this process came to. */
export interface Attempt {
  /** How it ended; `thrown` when its folder could not be written. */
  readonly status: string;
  /** What it said was wrong; empty when nothing was. */
  readonly message: string;
  /** What else it told. */
  readonly events: readonly string[];
  /** The calls that were counted. */
  readonly calls: readonly Call[];
  /** What it left, unless it threw. */
  readonly report?: RunReport;
}

/** Three steps of training, a checkpoint after each. */
const usual: ToyOptions = { overrides: ["steps=3"], checkpointSeconds: 0 };

/** Runs the toy under faults. Its cache and its runs lie in `folder`. */
export async function attempt(folder: string, order: Order = {}, options: ToyOptions = {}): Promise<Attempt> {
  const events: string[] = [];
  const event: ProgressSink["event"] = (severity, text) => {
    events.push(text);
    options.sink?.event?.(severity, text);
  };

  using faults = orderFaults({ within: folder, ...order });
  try {
    const report = await runToy(folder, "./toy.ts", { ...usual, ...options, sink: { ...options.sink, event } });
    const { status, error } = report.summary;
    return { status, message: error?.message ?? "", events, calls: faults.calls, report };
  } catch (error) {
    const explained = explainDisk(error, folder); // what comes before the run is left to the command line
    assert.ok(isUserFacing(explained), `expected an error that says how to mend it, found ${failureText(explained)}`);
    return { status: "thrown", message: explained.message, events, calls: faults.calls };
  }
}

/** An undisturbed run in `folder/plain`, as others are compared with. */
export async function undisturbed(folder: string): Promise<{ calls: readonly Call[]; report: string }> {
  await attempt(`${folder}/plain`); // so that the code is known
  for await (const { name } of Deno.readDir(`${folder}/plain/cache`)) {
    if (!name.startsWith(".")) await Deno.remove(`${folder}/plain/cache/${name}`, { recursive: true });
  }
  const { status, calls } = await attempt(`${folder}/plain`);
  assert.equal(status, "done");
  return { calls, report: await finalReport(`${folder}/plain`, "toy") };
}

/** A folder whose cache knows the code already, as the one of {@link undisturbed} does. */
export async function freshFolder(folder: string, name: string): Promise<string> {
  await copyFolder(`${folder}/plain/cache/.code`, `${folder}/${name}/cache/.code`);
  await Deno.mkdir(`${folder}/${name}/runs`);
  return `${folder}/${name}`;
}

/** Runs the toy once more without faults, and checks that it ends with the same bytes and leaves nothing behind. */
export async function mustEndAs(expected: string, folder: string, options: ToyOptions = {}): Promise<Attempt> {
  const ended = await attempt(folder, {}, options);
  assert.deepEqual([ended.status, ended.message], ["done", ""]);
  assert.equal(await finalReport(folder, "toy"), expected);
  assert.deepEqual(await debris(folder), []);
  return ended;
}
