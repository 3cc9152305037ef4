/** How a task of a job array ended, in words: what people read when it left no result. */

import { StageError } from "../errors.ts";
import { exists } from "../paths.ts";
import type { JobDetails, QueuedTask } from "./slurm_queue.ts";

/** How a task ended that left no result. */
export interface Ending {
  /** What happened, as the rest of a sentence about it. */
  readonly text: string;
  /** Where to look, what to change; for a point that is given up. */
  readonly more: string;
  /** True when somebody cancelled it: then it is not started again. */
  readonly cancelled: boolean;
}

/** Where {@link howItEnded} looks. */
export interface EndingPlaces {
  /** The task's log. */
  readonly log: string;
  /** The folder of all logs of the sweep. */
  readonly logs: string;
  /** Its time limit. */
  readonly time: string | undefined;
}

/**
 * Says how a task ended.
 *
 * @param task as the queue last showed it; undefined when Slurm has forgotten it
 * @param details of `scontrol show job`, where it still knows the job
 * @throws {StageError} when it could not even write a log, and no other task could: the folder is not on the nodes
 */
export async function howItEnded(
  task: QueuedTask | undefined,
  details: JobDetails | undefined,
  { log, logs, time }: EndingPlaces,
): Promise<Ending> {
  const state = details?.state ?? task?.state;
  const node = details?.node || task?.node || "";
  const where = node === "" ? "" : ` on ${node}`;
  const tail = (await Deno.readTextFile(log).catch(() => "")).trimEnd().split("\n").slice(-5).join("\n");
  const more = tail === "" ? `It left no log ${log}` : `See ${log}\n${tail}`;
  const cancelled = state?.startsWith("CANCELLED") === true;
  const reason = details?.reason ?? task?.reason ?? "None";
  switch (state) {
    case undefined:
      return { text: "Slurm does not know its job any more", more, cancelled };
    case "TIMEOUT":
    case "DEADLINE":
      return {
        text: `its job ran into its time limit${time === undefined ? "" : ` of ${time}`}${where}`,
        more: `Raise slurm.time. ${more}`,
        cancelled,
      };
    case "OUT_OF_MEMORY":
      return { text: `its job ran out of memory${where}`, more: `Raise slurm.memory. ${more}`, cancelled };
    case "NODE_FAIL":
    case "BOOT_FAIL":
      return { text: `its node${where.replace(" on", "")} failed`, more, cancelled };
    case "COMPLETED":
      return { text: `its job ended well${where}, but its result cannot be seen here`, more, cancelled };
    case "FAILED":
      if (!await exists(log)) {
        await checkLogs(logs, node);
        return { text: `its job could not be started${where} (${reason})`, more, cancelled };
      }
      return { text: `its job ended with ${exitText(details?.exit)}${where}`, more, cancelled };
    default:
      return { text: `its job was ${state.toLowerCase()}${where}`, more, cancelled };
  }
}

/** `7:0` is an exit code, `0:9` a signal. */
function exitText(exit: string | undefined): string {
  const [code = "", signal = ""] = exit?.split(":") ?? [];
  if (signal !== "" && signal !== "0") return `signal ${signal}`;
  if (code === "") return "an error";
  return code === "130" ? "exit code 130 (stopped after a checkpoint)" : `exit code ${code}`;
}

/** Without a single log the nodes do not see the folder. */
async function checkLogs(logs: string, node: string): Promise<void> {
  for await (const { name } of Deno.readDir(logs)) if (/^\d+_\d+\.log$/.test(name)) return;
  throw new StageError(
    `Slurm could not write a log to ${logs}${
      node === "" ? "" : ` on node ${node}`
    }: the sweep's folder must be on a file system that all nodes share, at the same path. Choose one with --sweeps-dir (the cache and the runs must be on it too), or use --launch local`,
  );
}
