import assert from "node:assert/strict";
import { ballConfig, ballGpu, ballTrainer } from "../models/_ball_training.ts";
import { ballViews } from "../models/_ball_views.ts";
import { CheckpointStore } from "../runner/checkpoint.ts";
import { RunningContext } from "../runner/context.ts";
import { parseRows } from "../runner/csv.ts";
import { StageError } from "../runner/errors.ts";
import { StopFlag } from "../runner/stop.ts";
import { fileTest } from "../tests/permissions.ts";
import { trainToEnd } from "./field_training.ts";

fileTest("trainToEnd says which numbers are not finite, also at a step that wants a look", async (directory) => {
  const trainer = await ballTrainer(ballConfig(64));
  const state = await trainer.save();
  for (const tensor of Object.values(state)) if (tensor instanceof Float32Array) tensor.fill(NaN);
  const poisoned = {
    step: 0,
    tensors: state,
    state: { seconds: 0, raysMade: 0, samplesMade: 0 },
    sequence: 1,
    elapsed: 0,
    csv: {},
  };
  const events: string[] = [];
  const context = new RunningContext({
    node: "student",
    directory,
    seed: 0,
    device: await ballGpu(),
    signal: new StopFlag(),
    store: new CheckpointStore(directory),
    resumed: poisoned,
    checkpointSeconds: 30,
    listener: { phase() {}, progress() {}, event: (severity, kind) => events.push(`${severity} ${kind}`) },
  });
  const options = { evalEvery: 1, background: [1, 1, 1] };
  await assert.rejects(
    trainToEnd(context, trainer, ballViews(2, 16), options),
    (error) => error instanceof StageError && /^The loss became nan? at step \d+: lower rate/i.test(error.message),
  );
  context.close();
  trainer.free();
  assert.deepEqual(events, ["critical nan-onset"]);
  const rows = parseRows(await Deno.readTextFile(`${directory}/not_finite.csv`));
  assert.ok(rows.length > 0 && rows.every((row) => Number(row.not_finite) > 0), JSON.stringify(rows));
  const [metrics] = parseRows(await Deno.readTextFile(`${directory}/training_metrics.csv`));
  assert.ok(Number.isNaN(metrics?.loss), "the row of the last chunk is there");
});
