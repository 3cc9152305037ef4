import assert from "node:assert/strict";
import { fileTest } from "../../tests/permissions.ts";
import { SweepFiles } from "./sweep_files.ts";

const body = "experiment: experiments/quickstart.ts\nparameters: {size: [24, 48]}\n";

/** The sweep files of a folder's `sweeps`, and what was said of them. */
function filesOf(root: string, only: readonly string[] = []) {
  const problems: string[] = [];
  const files = new SweepFiles({
    root,
    directory: `${root}/sweeps`,
    only: only.map((file) => `${root}/${file}`),
    timezone: "Europe/Berlin",
    problem: (_, message) => problems.push(message),
  });
  return { files, problems };
}

async function write(root: string, name: string, text: string, seconds = 0): Promise<void> {
  await Deno.mkdir(`${root}/sweeps`, { recursive: true });
  await Deno.writeTextFile(`${root}/sweeps/${name}`, text);
  await Deno.utime(`${root}/sweeps/${name}`, seconds, seconds);
}

fileTest("SweepFiles finds the files with times, and fills in what they leave out", async (root) => {
  await write(root, "b.yaml", `${body}cron: "  30  2 * * * "\nslurm: {partition: main}\nlaunch: slurm\n`);
  await write(
    root,
    "a b.yml",
    `${body}cron: "@daily"\ntimezone: Asia/Kolkata\nmissed: skip\njitter: 5\nenabled: false\n`,
  );
  await write(root, "plain.yaml", body);
  await write(root, "notes.txt", "cron: no");
  const { files, problems } = filesOf(root);
  const [first, second, ...rest] = await files.read();
  assert.deepEqual([first?.file, first?.name, second?.file, rest.length], [
    "sweeps/a b.yml",
    "a_b",
    "sweeps/b.yaml",
    0,
  ]);
  assert.deepEqual(first?.schedule, {
    cron: "@daily",
    timezone: "Asia/Kolkata",
    jitter: 5,
    missed: "skip",
    enabled: false,
  });
  assert.deepEqual(second?.schedule, {
    cron: "30 2 * * *",
    timezone: "Europe/Berlin",
    jitter: 0,
    missed: "once",
    enabled: true,
  });
  assert.deepEqual([second?.slurm?.partition, second?.launch], ["main", "slurm"]);
  assert.deepEqual(second?.timetable.after(new Date("2027-01-01T00:00Z")), new Date("2027-01-01T01:30Z"));
  assert.deepEqual(problems, []);
});

fileTest("SweepFiles reads what changed, tells once what is wrong with it, and keeps the others", async (root) => {
  await write(root, "a.yaml", `${body}cron: "0 1 * * *"\n`, 1);
  await write(root, "b.yaml", `${body}cron: "0 2 * * *"\n`, 1);
  const { files, problems } = filesOf(root);
  const before = await files.read();
  assert.equal((await files.read())[0], before[0], "an unchanged file is not read again");
  await write(root, "a.yaml", `${body}cron: "0 26 * * *"\n`, 2);
  assert.deepEqual((await files.read()).map(({ file }) => file), ["sweeps/b.yaml"]);
  await files.read();
  assert.equal(problems.length, 1);
  assert.match(
    problems[0] ?? "",
    /sweeps\/a\.yaml[^]*such as "30 2 \* \* 1-5"[^]*found "0 26 \* \* \*": Invalid value for hour/,
  );
  assert.deepEqual([...files.broken], ["sweeps/a.yaml"]);
  await write(root, "a.yaml", `${body}cron: "0 3 * * *"\n`, 3);
  assert.deepEqual((await files.read()).map(({ schedule }) => schedule.cron), ["0 3 * * *", "0 2 * * *"]);
  assert.equal(files.broken.size, 0);
  await write(root, "a.yaml", "[", 4);
  await files.read();
  await Deno.remove(`${root}/sweeps/a.yaml`);
  assert.deepEqual([(await files.read()).length, files.broken.size], [1, 0]);
});

fileTest(
  "SweepFiles explains YAML without quotes, files that are missing, and names that hold line breaks",
  async (root) => {
    await write(root, "a.yaml", `${body}cron: @daily\n`);
    await write(root, "b.yaml", `${body}cron: */5 * * * *\n`);
    await write(root, "c.yaml", `${body}crom: "@daily"\n`);
    await write(root, "d\n* * * * * rm.yaml", `${body}cron: "@daily"\n`);
    const { files, problems } = filesOf(root);
    assert.deepEqual(await files.read(), []);
    assert.equal(problems.length, 4);
    assert.match(problems[0] ?? "", /^Cannot read sweeps\/a\.yaml: [^]*put the expression in quotes: cron: "@daily"$/);
    assert.match(problems[1] ?? "", /^Cannot read sweeps\/b\.yaml: [^]*put the expression in quotes/);
    assert.match(problems[2] ?? "", /^Unknown key crom in .*c\.yaml: did you mean cron\?$/);
    assert.match(problems[3] ?? "", /^Expected no line breaks .*, found "sweeps\/d\\n/);
    const missing = filesOf(root, ["sweeps/none.yaml"]);
    assert.deepEqual(await missing.files.read(), []);
    assert.match(missing.problems[0] ?? "", /^Cannot read sweeps\/none\.yaml: /);
    const nowhere = filesOf(`${root}/nowhere`);
    await assert.rejects(
      nowhere.files.read(),
      /^UsageError: Expected sweep files in .*nowhere\/sweeps, which is missing/,
    );
  },
);
