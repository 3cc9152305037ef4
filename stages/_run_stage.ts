/** Runs one stage in a folder of a test, with checkpoints, as the runner would. */
import { CheckpointStore } from "../runner/checkpoint.ts";
import { RunningContext } from "../runner/context.ts";
import { cutTornLine } from "../runner/csv.ts";
import type { ProgressUpdate } from "../runner/stage.ts";
import { StopFlag } from "../runner/stop.ts";
