import assert from "node:assert/strict";
import { ArrayFolder } from "./slurm_arrays.ts";
import { isSilence, submitEnvironment } from "./slurm_client.ts";
import { configText, failedJob, failure, nodeText, queueText, refusal, silence } from "./slurm_fixtures.ts";
import { hasEnded, parseJob, parseMaxArraySize, parseNodes, parseQueue, queueOptions } from "./slurm_queue.ts";
import { arrayOptions, batchScript, shellWord } from "./slurm_script.ts";
import { limitSeconds, slurmShape } from "./slurm_settings.ts";

Deno.test("parseQueue() reads every task of an array and leaves other lines out", () => {
  const tasks = parseQueue(`${queueText}squeue: a warning | of some kind\n`);
  assert.deepEqual(tasks.map(({ job, index }) => `${job}_${index}`), [
    ...[0, 1, 2, 3, 4, 5, 6].map((index) => `1_${index}`),
    "3_0",
  ]);
  assert.deepEqual(tasks[6], {
    job: "1",
    name: "stillroom-toy-1",
    index: 6,
    state: "PENDING",
    node: "",
    reason: "launch failed requeued held",
  });
  assert.deepEqual(tasks.filter(({ state }) => hasEnded(state)).map(({ index }) => index), [0, 1, 5, 0]);
});

Deno.test("queueOptions() ask for each task by itself, ended ones too, of these arrays only", () => {
  const options = queueOptions(["a-1", "a-2"]);
  for (const option of ["--array", "--states=all", "--name=a-1,a-2"]) assert.ok(options.includes(option), option);
});

Deno.test("ArrayFolder.jobName() tells the same sweep in two folders apart", () => {
  const [one, two] = ["/home/ann/toy-1", "/home/bob/toy-1"].map((path) => new ArrayFolder(path).jobName(3));
  assert.match(one as string, /^stillroom-toy-1-[0-9a-f]{6}-3$/);
  assert.notEqual(one, two);
});

Deno.test("hasEnded() takes a state that it does not know for alive", () => {
  assert.deepEqual(["COMPLETING", "REQUEUED", "SOMETHING_NEW"].filter(hasEnded), []);
  assert.deepEqual(["NODE_FAIL", "TIMEOUT", "OUT_OF_MEMORY"].filter(hasEnded).length, 3);
});

Deno.test("parseJob() reads how a job ended, and not the nodes that it asked for", () => {
  assert.deepEqual(parseJob(failedJob), {
    name: "stillroom-toy-1",
    state: "FAILED",
    exit: "7:0",
    reason: "NonZeroExitCode",
    node: "n1",
    restarts: 2,
  });
  assert.equal(parseJob("Job 1_4 not found\n"), undefined);
});

Deno.test("parseMaxArraySize() reads the configuration, and knows Slurm's default", () => {
  assert.equal(parseMaxArraySize(configText.replace("1001", "40")), 40);
  assert.equal(parseMaxArraySize(""), 1001);
});

Deno.test("parseNodes() lists nodes that take no jobs", () => {
  assert.deepEqual(parseNodes(nodeText + nodeText), [
    { name: "n1", state: "drained", reason: "Duplicate jobid" },
    { name: "n2", state: "down", reason: "Not responding" },
  ]);
});

Deno.test("isSilence() tells a controller that is away from one that refuses", () => {
  assert.deepEqual([silence.squeue, silence.sbatch].map((text) => isSilence(failure(text))), [true, true]);
  assert.equal(isSilence(failure(refusal)), false);
});

Deno.test("limitSeconds() reads all of sbatch's forms", () => {
  const forms = ["30", "30:15", "2:00:00", "1-12", "1-12:30", "1-12:30:05", "UNLIMITED"];
  assert.deepEqual(forms.map(limitSeconds), [1800, 1815, 7200, 129_600, 131_400, 131_405, Infinity]);
  assert.deepEqual(["", "soon", "1:2:3:4", "-5"].map(limitSeconds), [undefined, undefined, undefined, undefined]);
});

Deno.test("submitEnvironment() drops what belongs to the job that the sweep is driven from", () => {
  const kept = submitEnvironment({
    SLURM_CONF: "/c",
    SLURM_MEM_PER_CPU: "1",
    SLURMD_NODENAME: "n1",
    SBATCH_QOS: "x",
    A: "1",
  });
  assert.deepEqual(kept, { SLURM_CONF: "/c", A: "1" });
});

Deno.test("shellWord() keeps what a shell would change", () => {
  assert.deepEqual(["plain/path-1.ts", "a b", "it's", "", "$HOME", "a\nb"].map(shellWord), [
    "plain/path-1.ts",
    "'a b'",
    `'it'\\''s'`,
    "''",
    "'$HOME'",
    "'a\nb'",
  ]);
});

Deno.test("batchScript() requeues its own task only, and never sends USR1", () => {
  const script = batchScript("/the list", "/the sweep", { argv: ["deno", "run", "a b.ts"], cwd: "/it's" });
  assert.match(script, /^list='\/the list'$/m);
  assert.match(script, /^deno run 'a b\.ts' "\$folder" "\$point" < \/dev\/null &$/m);
  assert.match(script, /^me=\$\{SLURM_ARRAY_JOB_ID\}_\$\{SLURM_ARRAY_TASK_ID\}/m);
  assert.match(script, /scontrol requeue "\$me"/);
  assert.doesNotMatch(script, /USR1/);
});

Deno.test("arrayOptions() are those of the sweep file", () => {
  const settings = slurmShape.parse({
    partition: "gpu",
    time: 30,
    memory: "4G",
    cpus: 2,
    gres: "gpu:1",
    parallel: 8,
    extra: ["--exclusive"],
  });
  assert.deepEqual(arrayOptions(settings, { name: "stillroom-x-1", logs: "/50%/logs", number: 1, count: 60 }), [
    "--parsable",
    "--array=0-59%8",
    "--job-name=stillroom-x-1",
    "--output=/50%%/logs/1_%a.log",
    "--open-mode=append",
    "--requeue",
    "--signal=B:USR2@120",
    "--partition=gpu",
    "--time=30",
    "--mem=4G",
    "--cpus-per-task=2",
    "--gres=gpu:1",
    "--exclusive",
  ]);
});
