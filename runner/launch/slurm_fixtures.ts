/** What Slurm 22.05.8 printed on the test cluster (tests/slurm/cluster.sh), and a Slurm that prints what a test tells it. */

import type { Answer } from "../process.ts";
import { StopFlag } from "../stop.ts";
import type { LaunchedSweep } from "./launcher.ts";
import type { SlurmDependencies, SlurmProgram } from "./slurm_client.ts";

/** `squeue` of two arrays and a report: tasks that wait, run, are requeued, failed, were cancelled. */
export const queueText = `1|0|FAILED|n1|stillroom-toy-1|NonZeroExitCode
1|1|FAILED|n2|stillroom-toy-1|JobLaunchFailure
1|2|PENDING||stillroom-toy-1|BeginTime
1|3|RUNNING|n1|stillroom-toy-1|None
1|4|PENDING||stillroom-toy-1|JobArrayTaskLimit
1|5|COMPLETED|n2|stillroom-toy-1|None
1|6|PENDING||stillroom-toy-1|launch failed requeued held
2|N/A|PENDING||stillroom-toy-report|Dependency
3|0|CANCELLED||stillroom-toy-2|Resources
`;

/** `scontrol show job 1_0` of a task that ended with exit code 7. */
export const failedJob = `JobId=3 ArrayJobId=1 ArrayTaskId=0 ArrayTaskThrottle=3 JobName=stillroom-toy-1
   UserId=root(0) GroupId=root(0) MCS_label=N/A
   Priority=4294901759 Nice=0 Account=(null) QOS=(null)
   JobState=FAILED Reason=NonZeroExitCode Dependency=(null)
   Requeue=1 Restarts=2 BatchFlag=1 Reboot=0 ExitCode=7:0
   RunTime=00:00:00 TimeLimit=UNLIMITED TimeMin=N/A
   Partition=main AllocNode:Sid=localhost:15437
   ReqNodeList=(null) ExcNodeList=(null)
   NodeList=n1
   BatchHost=n1
   NumNodes=1 NumCPUs=1 NumTasks=1 CPUs/Task=1 ReqB:S:C:T=0:0:*:*
`;

/** `scontrol show config`, some lines. */
export const configText = `JobCompType             = jobcomp/filetxt
MaxArraySize            = 1001
MinJobAge               = 60 sec
`;

/** `sinfo` when the controller was killed and a node is gone. */
export const nodeText = `n1|drained|Duplicate jobid
n2|down*|Not responding
n3|idle|none
`;

/** What programs say on standard error when the controller is not there. */
export const silence = {
  squeue: "slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n",
  sbatch: "sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)\n",
};

/** What `sbatch` says when it refuses. */
export const refusal =
  "sbatch: error: invalid partition specified: no\nsbatch: error: Batch job submission failed: Invalid partition name specified\n";

/** An answer that is not ok. */
export function failure(stderr: string): Answer {
  return { ok: false, stdout: "", stderr };
}

/** An answer that is ok. */
export function success(stdout = ""): Answer {
  return { ok: true, stdout, stderr: "" };
}

/** An answer of squeue, or what makes one. */
type Look = string | Answer | (() => string | Answer);

/** A Slurm that answers as it is told. Time passes only while somebody waits. */
export class FakeSlurm implements SlurmDependencies {
  /** Every call, as a command line. */
  readonly calls: string[] = [];
  /** Names of the submitted arrays, in order: the first is job 1. */
  readonly arrays: string[] = [];
  /** Answers before the usual ones do. */
  before: (program: SlurmProgram, args: readonly string[]) => Answer | Promise<Answer> | undefined = () => undefined;
  #looks: readonly Look[] = [""];
  #clock = 0;
  #look = 0;

  /** What happens at each look at the queue from now on; the last one is repeated. `NAME1` stands for the first array's name. */
  set looks(looks: readonly Look[]) {
    this.#looks = looks;
    this.#look = 0;
  }

  now(): number {
    return this.#clock;
  }

  sleep(milliseconds: number): Promise<void> {
    this.#clock += milliseconds;
    return Promise.resolve();
  }

  async run(program: SlurmProgram, args: readonly string[]): Promise<Answer> {
    this.calls.push([program, ...args].join(" "));
    return await this.before(program, args) ?? this.#usual(program, args);
  }

  /** The calls of a program that match. */
  called(pattern: RegExp): string[] {
    return this.calls.filter((call) => pattern.test(call));
  }

  #usual(program: SlurmProgram, args: readonly string[]): Answer {
    const option = (name: string) => args.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3);
    if (program === "sbatch" && option("array") !== undefined) {
      return success(`${this.arrays.push(option("job-name") ?? "")}\n`);
    }
    if (program === "sbatch") return success(args[0] === "--version" ? "slurm-wlm 22.05.8\n" : "99\n");
    if (program === "sinfo") return success("n1|idle|none\n");
    if (program === "scontrol") return args[1] === "config" ? success(configText) : success();
    const look = this.#looks[Math.min(this.#look++, this.#looks.length - 1)] ?? "";
    const answer = typeof look === "function" ? look() : look;
    if (typeof answer !== "string") return answer;
    return success(answer.replaceAll(/NAME(\d+)/g, (_, number) => this.arrays[number - 1] ?? "unknown"));
  }
}

/** A sweep in a folder, and what was said of it. */
export class FakeSweep implements LaunchedSweep {
  readonly folder: string;
  readonly task = { argv: ["deno", "run", "main.ts", "trial"], cwd: "/some where" };
  readonly stop: StopFlag = new StopFlag();
  /** All notes. */
  readonly notes: string[] = [];
  /** Points that were given up, with the reason. */
  readonly given: [number, string][] = [];

  /** Makes it. */
  constructor(folder: string) {
    this.folder = folder;
  }

  note(message: string): void {
    this.notes.push(message);
  }

  async hasResult(point: number): Promise<boolean> {
    return await Deno.stat(`${this.folder}/trials/${point}/result.json`).then(() => true, () => false);
  }

  giveUp(point: number, error: string): Promise<void> {
    this.given.push([point, error]);
    return Promise.resolve();
  }

  /** Lets points have results. */
  finish(...points: number[]): void {
    for (const point of points) {
      Deno.mkdirSync(`${this.folder}/trials/${point}`, { recursive: true });
      Deno.writeTextFileSync(`${this.folder}/trials/${point}/result.json`, "{}\n");
    }
  }

  /** Lets a task have written something. */
  log(name: string, text: string): void {
    Deno.mkdirSync(`${this.folder}/slurm/logs`, { recursive: true });
    Deno.writeTextFileSync(`${this.folder}/slurm/logs/${name}.log`, text);
  }
}
