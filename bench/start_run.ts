/** What `run` does until its first stage begins to work. */

import { childEnvironment } from "../runner/process.ts";
import { spread } from "./start_commands.ts";
import type { Note } from "./start_probe.ts";

/** Part of the start -> milliseconds, in the order in which parts end; programs that are started at once overlap. */
export interface RunStart {
  /** Until the first stage works. */
  readonly ms: number;
  /** Median of each part. */
  readonly parts: Readonly<Record<string, number>>;
}

/** The permissions of the `run` task. */
const PERMISSIONS = [
  "--allow-read",
  "--allow-write",
  "--allow-env",
  "--allow-sys",
  "--allow-run=deno,git,cat,nvidia-smi",
];

/**
 * Starts the quickstart's preset tiny several times, until its scene begins to be made.
 *
 * @param folder cache and runs go there. The first start finds no memo of checked types and bundled code; it is the one of `cold`
 * @returns the first start, and the medians of the others
 */
export async function measureRunStart(
  folder: string,
  rounds: number,
  cwd: string,
): Promise<{ cold: RunStart; warm: RunStart }> {
  const starts: Note[][] = [];
  for (let round = 0; round <= rounds; round++) starts.push(await startOnce(folder, cwd));
  const [cold, ...warm] = starts;
  return { cold: startOf([cold!]), warm: startOf(warm) };
}

async function startOnce(folder: string, cwd: string): Promise<Note[]> {
  const notes = `${folder}/notes.json`;
  const probe = new URL("./start_probe.ts", import.meta.url).pathname;
  await Deno.remove(notes).catch(() => {});
  const { stderr } = await new Deno.Command("deno", {
    args: [
      ...["run", "--quiet", "--preload", probe, ...PERMISSIONS, "cli/main.ts"],
      ...["run", "experiments/quickstart.ts", "--preset", "tiny", "--no-cache"],
      ...["--cache-dir", `${folder}/cache`, "--runs-dir", `${folder}/runs`],
    ],
    cwd,
    clearEnv: true,
    env: {
      ...childEnvironment(),
      STILLROOM_BENCH_NOTES: notes,
      STILLROOM_BENCH_SPAWNED: String(performance.timeOrigin + performance.now()),
    },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  // Ending a process whose worker computes may abort it: the notes say whether it came so far, not its exit code.
  const text = await Deno.readTextFile(notes).catch(() => undefined);
  if (text === undefined) throw new Error(`The quickstart did not start: ${new TextDecoder().decode(stderr)}`);
  return JSON.parse(text) as Note[];
}

/** Medians over starts. Of programs of one name the span from the first's start to the last's end counts. */
function startOf(starts: readonly (readonly Note[])[]): RunStart {
  const spans = starts.map((notes) => {
    const span = new Map<string, { from: number; to: number }>();
    for (const [name, from, to] of notes) {
      const before = span.get(name);
      span.set(name, { from: Math.min(from, before?.from ?? from), to: Math.max(to, before?.to ?? to) });
    }
    return span;
  });
  const median = (of: (span: Map<string, { from: number; to: number }>) => number) => spread(spans.map(of)).median;
  const names = [...spans[0]!.keys()].filter((name) => name !== "deno" && name !== "stage");
  const at = (name: string) => (span: Map<string, { from: number; to: number }>) => span.get(name)!;
  const length = (name: string) =>
    median((span) => {
      const { from, to } = at(name)(span);
      return to - from;
    });
  return {
    ms: median((span) => at("stage")(span).to),
    parts: {
      "deno itself": length("deno"),
      "modules of the command": median((span) => at("deno info")(span).from - at("deno")(span).to),
      ...Object.fromEntries(names.map((name) => [name, length(name)])),
      "device, plan, inputs": median((span) => at("stage")(span).to - at("worker")(span).to),
    },
  };
}
