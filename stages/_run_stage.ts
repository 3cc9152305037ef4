/** Runs one stage in a folder of a test, with checkpoints and what a stopped attempt left, as the runner does. */
import { CheckpointStore } from "../runner/checkpoint.ts";
import { RunningContext } from "../runner/context.ts";
import { Paused } from "../runner/errors.ts";
import { prepare, resumable } from "../runner/execute.ts";
import type { Metrics, StageDefinition } from "../runner/stage.ts";
import { StopFlag } from "../runner/stop.ts";

/** What a stage gave. */
export interface StageRun {
  readonly value: unknown;
  readonly metrics: Metrics;
  readonly parametersSha256: string | undefined;
  /** `severity kind: message` of each. */
  readonly events: readonly string[];
}

/** What {@linkcode runStage} may be told. */
export interface StageRunOptions {
  readonly inputs?: Readonly<Record<string, unknown>>;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly seed?: number;
  readonly device?: unknown;
  /** Leaves after a checkpoint once so much is done. */
  readonly pauseAt?: number;
  /** Falls over once so much is done, before the checkpoint that would follow. */
  readonly dieAt?: number;
}

/** What {@linkcode StageRunOptions.dieAt} throws. */
export class Died extends Error {}

/**
 * Goes on from the newest checkpoint in the folder, saves the value there, and removes the checkpoints; undefined when the stage
 * paused. Checkpoints are due at every look.
 */
export async function runStage(
  { definition }: { readonly definition: StageDefinition },
  folder: string,
  options: StageRunOptions = {},
): Promise<StageRun | undefined> {
  const { inputs = {}, params = {}, seed = 0, device, pauseAt, dieAt = Infinity } = options, events: string[] = [];
  const store = new CheckpointStore(folder), resumed = await resumable(await store.load(), folder);
  await prepare(folder, resumed);
  const context = new RunningContext({
    ...{ node: definition.name, directory: folder, seed, device, signal: new StopFlag(), store, resumed, pauseAt },
    checkpointSeconds: 0,
    listener: {
      phase() {},
      progress({ done }) {
        if (done >= dieAt) throw new Died();
      },
      event: (severity, kind, message) => events.push(`${severity} ${kind}: ${message}`),
    },
  });
  try {
    const outcome = await definition.run(context, inputs, definition.params.parse(params));
    await definition.artifact.save(outcome.value, folder);
    await store.remove();
    const { value, metrics = {}, parametersSha256 } = outcome;
    return { value, metrics, parametersSha256, events };
  } catch (error) {
    if (error instanceof Paused) return undefined;
    throw error;
  } finally {
    context.close();
  }
}
