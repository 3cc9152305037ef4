import assert from "node:assert/strict";
import { fileTest } from "../../tests/permissions.ts";
import { StageError, UsageError } from "../errors.ts";
import { slurmLauncher, type SlurmLauncherOptions } from "./slurm.ts";
import { failedJob, failure, FakeSlurm, FakeSweep, nodeText, refusal, silence, success } from "./slurm_fixtures.ts";
import { slurmShape } from "./slurm_settings.ts";

/** Follows points 0, 1 ... with a Slurm that answers as it is told. */
async function launch(
  slurm: FakeSlurm,
  sweep: FakeSweep,
  count: number,
  settings: Record<string, unknown> = {},
  options: SlurmLauncherOptions = {},
): Promise<void> {
  const points = Array.from({ length: count }, (_, point) => point);
  await slurmLauncher(slurmShape.parse(settings), options, slurm).launch(points, sweep);
}

/** Lines of squeue for tasks of an array that are all in one state. */
function lines(array: number, indices: readonly number[], state: string, reason = "None"): string {
  const node = state === "PENDING" ? "" : "n1";
  return indices.map((index) => `${array}|${index}|${state}|${node}|NAME${array}|${reason}\n`).join("");
}

fileTest(
  "slurmLauncher() writes list and script before it submits, in arrays of at most MaxArraySize",
  async (folder) => {
    const slurm = new FakeSlurm();
    const sweep = new FakeSweep(folder);
    const written: string[] = [];
    slurm.before = (program, args) => {
      if (program === "scontrol") return success("MaxArraySize            = 40\n");
      if (program !== "sbatch" || args[0] === "--version") return undefined;
      const script = args.at(-1) as string;
      written.push(Deno.readTextFileSync(script), Deno.readTextFileSync(script.replace(/sh$/, "points")));
      assert.ok(Deno.statSync(`${folder}/slurm/logs`).isDirectory, "Slurm makes no folder for logs");
      return undefined;
    };
    slurm.looks = [() => {
      sweep.finish(...Array.from({ length: 60 }, (_, point) => point));
      return lines(1, [0], "RUNNING");
    }];
    await launch(slurm, sweep, 60);
    assert.deepEqual(slurm.called(/^sbatch/).map((call) => /--array=\S+/.exec(call)?.[0] ?? ""), [
      "",
      "--array=0-39",
      "--array=0-19",
    ]);
    assert.match(written[0] as string, /^deno run main\.ts trial "\$folder" "\$point"/m);
    assert.deepEqual(written[3]?.trim().split("\n"), Array.from({ length: 20 }, (_, i) => String(40 + i)));
    assert.deepEqual(sweep.given, []);
  },
);

fileTest(
  "slurmLauncher() looks at results first: a point that has one is done, whatever the queue says",
  async (folder) => {
    const slurm = new FakeSlurm();
    const sweep = new FakeSweep(folder);
    slurm.looks = [() => {
      sweep.finish(0, 1);
      return lines(1, [0, 1], "PENDING", "Resources");
    }];
    await launch(slurm, sweep, 2);
    assert.equal(slurm.arrays.length, 1);
  },
);

fileTest("slurmLauncher() leaves a task alone while Slurm requeues it after a node died", async (folder) => {
  const slurm = new FakeSlurm();
  const sweep = new FakeSweep(folder);
  const wait = lines(1, [0], "PENDING", "Resources");
  slurm.looks = [lines(1, [0], "RUNNING"), lines(1, [0], "COMPLETING"), wait, wait, wait, () => {
    sweep.finish(0);
    return lines(1, [0], "RUNNING");
  }];
  await launch(slurm, sweep, 1);
  assert.equal(slurm.arrays.length, 1);
});

fileTest("slurmLauncher() submits again what died, says why, and gives up after max_resubmits", async (folder) => {
  const slurm = new FakeSlurm();
  const sweep = new FakeSweep(folder);
  for (const array of [1, 2, 3]) sweep.log(`${array}_0`, "first line\nthe cause\n");
  slurm.before = (program, args) =>
    program === "scontrol" && args[1] === "job"
      ? success(failedJob.replace("stillroom-toy-1", slurm.arrays.at(-1) as string))
      : undefined;
  slurm.looks = [() => lines(slurm.arrays.length, [0], "FAILED", "NonZeroExitCode")];
  await launch(slurm, sweep, 1, { max_resubmits: 2 });
  assert.equal(slurm.arrays.length, 3);
  assert.deepEqual(sweep.notes.filter((note) => note.startsWith("Point")), [
    "Point 0: its job ended with exit code 7 on n1: submitted again (1 of 2)",
    "Point 0: its job ended with exit code 7 on n1: submitted again (2 of 2)",
  ]);
  assert.equal(sweep.given.length, 1);
  assert.match(sweep.given[0]?.[1] ?? "", /exit code 7 on n1, 3 times in all.*3_0\.log\nfirst line\nthe cause$/s);
});

fileTest(
  "slurmLauncher() does not submit again what somebody cancelled, while it ran or while it waited",
  async (folder) => {
    const slurm = new FakeSlurm();
    const sweep = new FakeSweep(folder);
    slurm.looks = [
      lines(1, [0, 2], "RUNNING") + lines(1, [1], "PENDING", "Resources"),
      () => {
        sweep.finish(2);
        return lines(1, [0], "CANCELLED") + lines(1, [2], "COMPLETED");
      },
    ];
    await launch(slurm, sweep, 3);
    assert.equal(slurm.arrays.length, 1);
    assert.deepEqual(sweep.given, [], "a point without a result is no failure here: the next command submits it");
    assert.deepEqual(sweep.notes.filter((note) => note.startsWith("Point")).map((note) => note.split(".")[0]), [
      "Point 0: its job was cancelled on n1",
      "Point 1: its job was cancelled while it waited",
    ]);
  },
);

fileTest("slurmLauncher() submits again what the controller forgot", async (folder) => {
  const slurm = new FakeSlurm();
  const sweep = new FakeSweep(folder);
  slurm.looks = [lines(1, [0], "PENDING", "Resources"), "", () => {
    if (slurm.arrays.length === 2) sweep.finish(0);
    return slurm.arrays.length === 2 ? lines(2, [0], "RUNNING") : "";
  }];
  await launch(slurm, sweep, 1);
  assert.deepEqual(sweep.notes.filter((note) => note.startsWith("Point")), [
    "Point 0: Slurm does not know its job any more: submitted again (1 of 3)",
  ]);
});

fileTest("slurmLauncher() has patience with a controller that is away, and counts nothing as lost", async (folder) => {
  const slurm = new FakeSlurm();
  const sweep = new FakeSweep(folder);
  const away = failure(silence.squeue);
  const eightMinutes = Array.from({ length: 240 }, () => away);
  slurm.looks = [lines(1, [0], "RUNNING"), ...eightMinutes, lines(1, [0], "RUNNING"), ...eightMinutes, () => {
    sweep.finish(0);
    return lines(1, [0], "RUNNING");
  }];
  await launch(slurm, sweep, 1);
  assert.equal(slurm.arrays.length, 1);
  const notes = [
    "Slurm does not answer (Unable to contact slurm controller (connect failure)): asking again for up to ten minutes",
    "Slurm answers again",
  ];
  assert.deepEqual(sweep.notes.slice(1), [...notes, ...notes], "each silence has its own ten minutes");
  slurm.looks = [away];
  await assert.rejects(launch(slurm, new FakeSweep(folder), 2), (error) => {
    assert.ok(error instanceof StageError);
    assert.match(error.message, /has not answered for ten minutes.*give the same command again/);
    return true;
  });
});

fileTest("slurmLauncher() finds its arrays again and submits only what none of them holds", async (folder) => {
  const slurm = new FakeSlurm();
  const killed = new FakeSweep(folder);
  slurm.looks = [() => {
    killed.stop.stop();
    return lines(1, [0, 1], "RUNNING");
  }];
  await launch(slurm, killed, 2);
  assert.equal(slurm.arrays.length, 1);
  const again = new FakeSweep(folder);
  slurm.looks = [lines(1, [0, 1], "RUNNING"), () => {
    again.finish(0, 1, 2);
    return lines(1, [0, 1], "RUNNING") + lines(2, [0], "RUNNING");
  }];
  await launch(slurm, again, 3);
  assert.deepEqual(slurm.arrays.length, 2);
  assert.equal(Deno.readTextFileSync(`${folder}/slurm/2.points`), "2\n");
});

fileTest("slurmLauncher() counts the death of a task that an earlier command submitted", async (folder) => {
  const slurm = new FakeSlurm();
  const killed = new FakeSweep(folder);
  slurm.looks = [() => {
    killed.stop.stop();
    return lines(1, [0], "RUNNING");
  }];
  await launch(slurm, killed, 1);
  const again = new FakeSweep(folder);
  again.log("1_0", "");
  const dead = lines(1, [0], "NODE_FAIL");
  slurm.looks = [lines(1, [0], "RUNNING"), dead, dead, () => {
    again.finish(0);
    return lines(2, [0], "RUNNING");
  }];
  await launch(slurm, again, 1);
  assert.deepEqual(again.notes.filter((note) => note.startsWith("Point")), [
    "Point 0: its node n1 failed: submitted again (1 of 3)",
  ]);
});

fileTest("slurmLauncher() finds an array whose id it had no time to write down", async (folder) => {
  const slurm = new FakeSlurm();
  const killed = new FakeSweep(folder);
  slurm.looks = [() => {
    killed.stop.stop();
    return lines(1, [0], "RUNNING");
  }];
  await launch(slurm, killed, 1);
  Deno.removeSync(`${folder}/slurm/1.job`);
  const again = new FakeSweep(folder);
  slurm.looks = [() => {
    again.finish(0);
    return lines(1, [0], "RUNNING");
  }];
  await launch(slurm, again, 1);
  assert.equal(slurm.arrays.length, 1);
  assert.equal(JSON.parse(Deno.readTextFileSync(`${folder}/slurm/1.job`)).job, "1");
});

fileTest("slurmLauncher() submits anew what had ended before it was started", async (folder) => {
  const slurm = new FakeSlurm();
  const killed = new FakeSweep(folder);
  slurm.looks = [() => {
    killed.stop.stop();
    return lines(1, [0], "RUNNING");
  }];
  await launch(slurm, killed, 1);
  const again = new FakeSweep(folder);
  slurm.looks = [lines(1, [0], "CANCELLED"), () => {
    again.finish(0);
    return lines(2, [0], "RUNNING");
  }];
  await launch(slurm, again, 1);
  assert.deepEqual([slurm.arrays.length, again.notes.filter((note) => note.startsWith("Point"))], [2, []]);
});

fileTest("slurmLauncher() does not submit twice when the controller took a job and fell silent", async (folder) => {
  const slurm = new FakeSlurm();
  const sweep = new FakeSweep(folder);
  slurm.before = (program, args) => {
    const name = args.find((arg) => arg.startsWith("--job-name="))?.slice(11);
    if (program !== "sbatch" || name === undefined) return undefined;
    slurm.arrays.push(name);
    return failure(silence.sbatch);
  };
  slurm.looks = [lines(1, [0], "PENDING", "Resources"), () => {
    sweep.finish(0);
    return lines(1, [0], "RUNNING");
  }];
  await launch(slurm, sweep, 1);
  assert.equal(slurm.arrays.length, 1);
  assert.ok(sweep.notes.includes("Slurm job 1: 1 point") || sweep.notes.includes("Slurm job 1: point 0"));
});

fileTest("slurmLauncher() says what sbatch refuses, and leaves no array behind", async (folder) => {
  const slurm = new FakeSlurm();
  slurm.before = (program, args) => program === "sbatch" && args.length > 1 ? failure(refusal) : undefined;
  await assert.rejects(
    launch(slurm, new FakeSweep(folder), 3),
    /Invalid partition name specified.*slurm: of the sweep/,
  );
  assert.deepEqual([...Deno.readDirSync(`${folder}/slurm`)].map(({ name }) => name), ["logs"]);
});

fileTest("slurmLauncher() submits the rest later when the queue is full", async (folder) => {
  const slurm = new FakeSlurm();
  const sweep = new FakeSweep(folder);
  let room = 1;
  slurm.before = (program, args) => {
    if (program === "scontrol" && args[1] === "config") return success("MaxArraySize = 2\n");
    if (program !== "sbatch" || args.length === 1 || room-- > 0) return undefined;
    return failure(
      "sbatch: error: QOSMaxSubmitJobPerUserLimit\nsbatch: error: Batch job submission failed: Job violates\n",
    );
  };
  slurm.looks = [() => {
    sweep.finish(0);
    return lines(1, [0, 1], "RUNNING");
  }, () => {
    room = 1;
    sweep.finish(1);
    return lines(1, [1], "RUNNING");
  }, () => {
    sweep.finish(2);
    return lines(2, [0], "RUNNING");
  }];
  await launch(slurm, sweep, 3);
  assert.equal(slurm.arrays.length, 2);
  assert.equal(sweep.notes.filter((note) => note.startsWith("Slurm takes no more jobs now")).length, 1);
});

fileTest("slurmLauncher() leaves jobs running at Ctrl-C, and says how to follow and how to cancel", async (folder) => {
  const slurm = new FakeSlurm();
  const sweep = new FakeSweep(folder);
  slurm.looks = [() => {
    sweep.stop.stop();
    return lines(1, [0], "RUNNING");
  }];
  await launch(slurm, sweep, 1);
  assert.match(sweep.notes.at(-1) ?? "", /job 1 goes on.*same command again to follow.*scancel 1$/);
  assert.deepEqual(slurm.called(/scancel/), []);
});

fileTest("slurmLauncher() has one job that makes the report after all others", async (folder) => {
  const slurm = new FakeSlurm();
  const sweep = new FakeSweep(folder);
  sweep.log("1_0", "");
  slurm.looks = [lines(1, [0], "TIMEOUT"), lines(1, [0], "TIMEOUT"), () => {
    sweep.finish(0);
    return lines(2, [0], "RUNNING");
  }];
  await launch(slurm, sweep, 1, {}, { report: ["deno", "task", "report"] });
  assert.deepEqual(slurm.called(/afterany/).map((call) => /^\w+|\S*afterany\S*/g[Symbol.match](call)), [
    ["sbatch", "--dependency=afterany:1"],
    ["scontrol", "Dependency=afterany:2"],
  ]);
  assert.match(Deno.readTextFileSync(`${folder}/slurm/report.sh`), /^exec deno task report </m);
});

fileTest("slurmLauncher() names the missing shared file system when no task could write a log", async (folder) => {
  const slurm = new FakeSlurm();
  slurm.looks = [lines(1, [0], "FAILED", "JobLaunchFailure")];
  await assert.rejects(launch(slurm, new FakeSweep(folder), 1), /must be on a file system that all nodes share/);
});

fileTest(
  "slurmLauncher() helps what Slurm holds back, and tells what only an administrator can mend",
  async (folder) => {
    const slurm = new FakeSlurm();
    const sweep = new FakeSweep(folder);
    slurm.before = (program, args) => {
      if (program === "sinfo") return success(nodeText);
      return program === "scontrol" && args[1] === "job" ? success(failedJob) : undefined;
    };
    slurm.looks = [
      lines(1, [0], "PENDING", "BeginTime") + lines(1, [1], "PENDING", "launch failed requeued held") +
      lines(1, [2], "PENDING", "BadConstraints"),
      () => {
        sweep.finish(0, 1, 2);
        return "";
      },
    ];
    await launch(slurm, sweep, 3);
    assert.deepEqual(slurm.called(/scontrol (update|release)/), [
      "scontrol update JobId=1_0 StartTime=now",
      "scontrol release 1_1",
    ]);
    assert.ok(sweep.notes.includes("Slurm job 1 waits, and will go on waiting (BadConstraints)"));
    assert.deepEqual(sweep.notes.filter((note) => note.startsWith("Node")), [
      "Node n1 is drained (Duplicate jobid). Nothing is wrong with it: an administrator brings it back with scontrol update NodeName=n1 State=RESUME",
    ], "n2 ran no point of this sweep");
  },
);

fileTest("slurmLauncher() says what to install where there is no Slurm", async (folder) => {
  const slurm = new FakeSlurm();
  slurm.before = () => failure("Failed to spawn 'sbatch': entity not found");
  await assert.rejects(launch(slurm, new FakeSweep(folder), 1), (error) => {
    assert.ok(error instanceof UsageError);
    assert.match(error.message, /entity not found.*apt install slurm-client.*--launch local/);
    return true;
  });
});

Deno.test("slurmLauncher() refuses a time limit that leaves no time before the checkpoint", () => {
  assert.throws(() => slurmLauncher(slurmShape.parse({ time: "2:00" })), /slurm\.time is 120 s.*signal_seconds/);
  assert.throws(() => slurmLauncher(slurmShape.parse({ time: "soon" })), /Expected slurm\.time.*"soon"/);
  slurmLauncher(slurmShape.parse({ time: "2:01" }));
});
