/**
 * Loaded into `run` by `--preload`: notes when programs are started and answer, when the worker is started and what it says, and
 * ends the process when the first stage begins to work.
 */

/** A note: what, and milliseconds since the process was started, at its begin and its end. */
export type Note = readonly [name: string, from: number, to: number];

const spawned = Number(Deno.env.get("STILLROOM_BENCH_SPAWNED"));
const notes: Note[] = [];
const now = () => performance.timeOrigin + performance.now() - spawned;

function note(name: string, from: number): void {
  notes.push([name, from, now()]);
}

const preloaded = now();
notes.push(["deno", 0, preloaded]);

const { output } = Deno.Command.prototype;
const programs = new WeakMap<Deno.Command, string>();
Deno.Command = class extends Deno.Command {
  constructor(program: string | URL, options?: Deno.CommandOptions) {
    super(program, options);
    const [first = ""] = options?.args ?? [];
    programs.set(this, first.startsWith("/") ? `${program}` : `${program} ${first}`);
  }
};
Deno.Command.prototype.output = async function () {
  const from = now();
  const answer = await output.apply(this);
  note(programs.get(this) ?? "program", from);
  return answer;
};

const { requestAdapter } = GPU.prototype;
GPU.prototype.requestAdapter = async function (...args) {
  const from = now();
  const adapter = await requestAdapter.apply(this, args);
  note("adapter", from);
  return adapter;
};

globalThis.Worker = class extends Worker {
  constructor(url: string | URL, options?: WorkerOptions) {
    const from = now();
    super(url, options);
    this.addEventListener("message", (event) => {
      const { type, name } = event.data as { readonly type: string; readonly name?: string };
      if (type !== "phase") return;
      if (name === "open device") note("worker", from);
      if (name !== "run") return;
      note("stage", from);
      Deno.writeTextFileSync(Deno.env.get("STILLROOM_BENCH_NOTES")!, JSON.stringify(notes));
      Deno.exit(0);
    });
  }
};
