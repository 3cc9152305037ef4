/** A small project outside of Stillroom, as a user has it, whose files can be edited and put back. */

import assert from "node:assert/strict";
import type { Decision, Request } from "./probe.ts";

/** What every request of the tests says unless an edit says otherwise. */
export const BASE: Request = {
  file: "experiments/toast.ts",
  overrides: ["steps=20", "heat.top=3"],
  preset: "tiny",
  config: "overlay.yaml",
  seeds: 1,
  seed: 0,
  checkpointSeconds: 30,
  adapter: "fake device",
  driver: "1.0",
};

/** Versions in the lock of {@link lockOf}. */
export interface Locked {
  readonly typical: string;
  readonly arrayBack: string;
}

/** Both packages are in Stillroom's own lock in two versions: the tests need no network. */
export const LOCKED: Locked = { typical: "4.0.0", arrayBack: "3.1.0" };
/** The other versions. */
export const BUMPED: Locked = { typical: "7.3.0", arrayBack: "6.2.3" };

/** A lock that begins as Stillroom's, as docs/own_repository.md says, and has two packages more. */
export async function lockOf(stillroom: string, { typical, arrayBack }: Locked): Promise<string> {
  const lock = JSON.parse(await Deno.readTextFile(`${stillroom}/deno.lock`)) as { specifiers: Record<string, string> };
  lock.specifiers["npm:typical@*"] = typical;
  lock.specifiers["npm:array-back@*"] = arrayBack;
  return JSON.stringify(lock, null, 2) + "\n";
}

const settings = (stillroom: string) => ({
  links: [stillroom],
  imports: {
    stillroom: "jsr:@stillroom/stillroom@^0.1.0",
    zod: "npm:zod@4.6.7",
    typical: "npm:typical@*",
    "array-back": "npm:array-back@*",
    palette: "./parts/palette_warm.ts",
    backdrop: "./parts/palette_cool.ts",
  },
  nodeModulesDir: "none",
  compilerOptions: { exactOptionalPropertyTypes: true },
});

/** Five nodes: flour -> dough (on the device) -> loaf (seeded) -> taste, and jam beside them. */
const FILES: Readonly<Record<string, string>> = {
  "experiments/toast.ts": `
import { experiment, gate } from "stillroom";
import arrayBack from "array-back";
import { z } from "zod";
import { bake } from "../stages/bake.ts";
import { cook } from "../stages/cook.ts";
import { knead } from "../stages/knead.ts";
import { sift } from "../stages/sift.ts";
import { taste } from "../stages/taste.ts";

export default experiment({
  name: "toast",
  title: "Toast",
  params: z.object({
    table: z.string().default("data/table.csv"),
    steps: z.int().default(10),
    rate: z.number().default(0.5),
    heat: z.object({ top: z.number().default(1), bottom: z.number().default(2) }).prefault({}),
    sugar: z.number().default(0.25),
  }),
  presets: { tiny: { rate: 0.5, sugar: 0.125 } },
  pipeline(p) {
    const flour = sift("flour", { table: p.table, views: "data/views" });
    const dough = knead("dough", { flour });
    const loaf = bake("loaf", { dough, steps: p.steps, rate: p.rate, heat: p.heat });
    const jam = cook("jam", { sugar: p.sugar * arrayBack([1]).length });
    const verdict = taste("verdict", { loaf });
    return { outputs: { verdict, jam }, gates: { tiny: [gate(verdict, "score").atLeast(-100)] } };
  },
});
`,
  "overlay.yaml": "heat:\n  bottom: 4\nsugar: 0.75\n",
  "stages/sift.ts": `
import { jsonArtifact, stage } from "stillroom/kit";
import { z } from "zod";
import { columnOf } from "../parts/reading.ts";

/** Numbers of a table. */
export const sift = stage({
  name: "sift",
  module: import.meta.url,
  params: z.object({ table: z.string(), views: z.string() }),
  artifact: jsonArtifact<number[]>("flour"),
  dataFiles: ({ table, views }) => [table, views],
  async run(_context, _inputs, { table }) {
    return { value: columnOf(await Deno.readTextFile(table)) };
  },
});
`,
  "stages/knead.ts": `
import { input, jsonArtifact, stage } from "stillroom/kit";
import { FOLDS, SALT } from "../parts/constants.ts";
import shader from "../shaders/knead.wgsl" with { type: "text" };

/** The only stage that wants a device. */
export const knead = stage({
  name: "knead",
  module: import.meta.url,
  device: true,
  inputs: { flour: input<number[]>() },
  artifact: jsonArtifact<{ folds: number; salt: string; shader: string; flour: number[] }>("dough"),
  run: (_context, { flour }) => Promise.resolve({ value: { folds: FOLDS, salt: SALT, shader, flour } }),
});
`,
  "stages/bake.ts": `
import { input, jsonArtifact, stage } from "stillroom/kit";
import typical from "typical";
import { z } from "zod";
import { DOORS } from "../parts/doors.ts";
import { brown, LEVELS } from "../parts/oven.ts";

/** The only seeded stage. */
export const bake = stage({
  name: "bake",
  module: import.meta.url,
  seeded: true,
  params: z.object({
    steps: z.int(),
    rate: z.number(),
    heat: z.object({ top: z.number(), bottom: z.number() }),
  }),
  inputs: { dough: input<{ folds: number }>() },
  artifact: jsonArtifact<number[]>("loaf"),
  run(context, { dough }, { steps, rate, heat }) {
    const rows = Object.values(LEVELS).map((level) => level * heat.top + heat.bottom + context.seed);
    const value = rows.map((row) => (typical.isNumber(row) ? brown(row, steps * rate) : DOORS) + dough.folds);
    return Promise.resolve({ value });
  },
});
`,
  "stages/taste.ts": `
import backdrop from "backdrop";
import palette from "palette";
import { input, jsonArtifact, stage } from "stillroom/kit";
import { burnt } from "../rules/burnt.ts";

/** Neither seeded nor on a device, but after those that are. */
export const taste = stage({
  name: "taste",
  module: import.meta.url,
  inputs: { loaf: input<number[]>() },
  artifact: jsonArtifact<number>("taste"),
  rules: [burnt],
  run(_context, { loaf }) {
    const value = loaf.reduce((sum, item) => sum + item * palette, 0) - backdrop;
    return Promise.resolve({ value, metrics: { score: value } });
  },
});
`,
  "stages/cook.ts": `
import { jsonArtifact, stage } from "stillroom/kit";
import { z } from "zod";

/** Depends on nothing. */
export const cook = stage({
  name: "cook",
  module: import.meta.url,
  params: z.object({ sugar: z.number() }),
  artifact: jsonArtifact<number>("jam"),
  run: (_context, _inputs, { sugar }) => Promise.resolve({ value: sugar }),
});
`,
  "parts/reading.ts": `
/** The first column. */
export function columnOf(text: string): number[] {
  const lines = text.trim().split("\\n");
  const found: number[] = [];
  for (const line of lines) found.push(parse(line));
  return found;
}

function parse(line: string): number {
  const cells = line.split(",");
  return Number(cells[0]);
}

/** Nobody imports this. */
export const separator = ";";

/** A row. */
export interface Row {
  readonly value: number;
}
`,
  "parts/constants.ts": `
/** How often it is folded. */
export const FOLDS = 1e3;
/** Which salt. */
export const SALT = "sea";
`,
  "parts/oven.ts": `
import { DOORS } from "./doors.ts";

/** Levels of the oven. */
export const LEVELS = { upper: 1, middle: 2, lower: 3 };

/** How brown it gets. */
export function brown(heat: number, time: number): number {
  return Math.sqrt(warm(heat) * time) + DOORS;
}

function warm(heat: number): number {
  return heat * 2;
}
`,
  "parts/doors.ts": "/** How many. */\nexport const DOORS = 2;\n",
  "parts/palette_warm.ts": "export default 0.5;\n",
  "parts/palette_cool.ts": "export default 0.25;\n",
  "rules/burnt.ts": `
import type { Rule } from "stillroom/kit";

/** Black outside. */
export const burnt: Rule = {
  id: "burnt",
  severity: "warning",
  docs: "none",
  check: ({ metrics: { score = 0 } }) =>
    score > 1e9 ? { message: "Black", evidence: [{ score }], suggestion: "Take it out" } : undefined,
};
`,
  "shaders/knead.wgsl": "// Folds once.\nconst FOLDS = 3u;\n\n@compute @workgroup_size(64)\nfn main() {}\n",
  "data/table.csv": "1,2\n3,4\n",
  "data/views/a.txt": "view a\n",
  "data/views/b.txt": "view b\n",
  "elsewhere/table.csv": "1,2\n3,4\n",
};

/** The project in its folder. */
export class Project {
  /** What files held before the edit; undefined: they were not there. */
  readonly #before = new Map<string, Uint8Array<ArrayBuffer> | undefined>();

  private constructor(
    /** Its folder. */
    readonly folder: string,
    /** Stillroom's. */
    readonly stillroom: string,
  ) {}

  /** Writes the project, and its run that all edits are compared with. */
  static async create(folder: string, stillroom: string): Promise<Project> {
    const project = new Project(folder, stillroom);
    await Deno.mkdir(folder, { recursive: true });
    for (const [path, text] of Object.entries(FILES)) await project.write(path, text.replace(/^\n/, ""));
    await project.write("deno.json", JSON.stringify(settings(stillroom), null, 2) + "\n");
    await project.write("deno.lock", await lockOf(stillroom, LOCKED));
    project.#before.clear();
    return project;
  }

  /** The absolute path of one of its files. */
  path(name: string): string {
    return `${this.folder}/${name}`;
  }

  /** The text of a file. */
  async text(name: string): Promise<string> {
    return await Deno.readTextFile(this.path(name));
  }

  /** Writes a file. */
  async write(name: string, content: string): Promise<void> {
    await this.#remember(name);
    await Deno.mkdir(this.path(name).replace(/\/[^/]*$/, ""), { recursive: true });
    await Deno.writeTextFile(this.path(name), content);
  }

  /** Replaces text in a file; it must be there. */
  async edit(name: string, from: string | RegExp, to: string): Promise<void> {
    const text = await this.text(name);
    const edited = text.replace(from, to);
    assert.notEqual(edited, text, `the edit of ${name} must change something`);
    await this.write(name, edited);
  }

  /** Moves a file. */
  async move(from: string, to: string): Promise<void> {
    await this.write(to, await this.text(from));
    await this.remove(from);
  }

  /** Removes a file. */
  async remove(name: string): Promise<void> {
    await this.#remember(name);
    await Deno.remove(this.path(name));
  }

  /** Puts a link where a file is, or was. */
  async link(name: string, target: string): Promise<void> {
    await this.#remember(name);
    await Deno.remove(this.path(name)).catch(() => {});
    await Deno.symlink(target, this.path(name));
  }

  /** Puts every file back as it was before {@link write}, {@link move}, {@link link} and {@link remove}. */
  async revert(): Promise<void> {
    const last = [...this.#before.keys()].reverse(); // a link to a folder goes before what it leads to
    for (const name of last) await Deno.remove(this.path(name)).catch(() => {});
    for (const [name, content] of this.#before) {
      if (!content) continue;
      await Deno.mkdir(this.path(name).replace(/\/[^/]*$/, ""), { recursive: true });
      await Deno.writeFile(this.path(name), content);
    }
    this.#before.clear();
  }

  /**
   * Explains the plan, then runs it, in a process of its own: what was imported once stays as it was.
   *
   * @param env variables beside those of this process
   */
  async decide(request: Request, env: Readonly<Record<string, string>> = {}): Promise<Decision> {
    await this.#remember("deno.lock"); // Deno itself may write it
    const { code, stdout, stderr } = await this.program(
      "deno",
      [
        "run",
        "--quiet",
        "--config",
        this.path("deno.json"),
        "--allow-read",
        "--allow-write",
        "--allow-env",
        "--allow-sys",
        "--allow-run=deno,git",
        `${this.stillroom}/tests/cache_truth/probe.ts`,
        JSON.stringify(request),
      ],
      env,
    );
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "") as Decision;
  }

  /** Runs a program in the folder. */
  async program(
    name: "deno" | "git",
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<{ code: number; stdout: string; stderr: string }> {
    const output = await new Deno.Command(name, {
      args: [...args],
      cwd: this.folder,
      env: { NO_COLOR: "1", ...env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).output();
    const text = new TextDecoder();
    return { code: output.code, stdout: text.decode(output.stdout), stderr: text.decode(output.stderr) };
  }

  async #remember(name: string): Promise<void> {
    if (this.#before.has(name)) return;
    this.#before.set(name, await Deno.readFile(this.path(name)).catch(() => undefined));
  }
}
