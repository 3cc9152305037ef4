/** Readers of a run's folder, of recorded runs, and of a scene's JSON: all of them read files. */

import fc from "fast-check";
import { compareRuns } from "../../cli/diff_runs.ts";
import { diffText } from "../../cli/diff_text.ts";
import { findRun } from "../../cli/find_run.ts";
import { readShown } from "../../cli/show_run.ts";
import { showText } from "../../cli/show_text.ts";
import { Paint } from "../../cli/table.ts";
import { runHtml } from "../../reports/page_run.ts";
import { Slugger } from "../../reports/page_html.ts";
import { readRuns } from "../../reports/store.ts";
import { readRunState } from "../../runner/run_state.ts";
import { openBlender } from "../../scenes/blender.ts";
import { encodePng } from "../../scenes/png.ts";
import { demoFinding, demoFolders, demoId, writeDemo } from "../run_fixture.ts";
import { LENGTHS, type Target, textInput } from "./target.ts";

const hostile = [
  ...["../../../etc", "..", "/etc/passwd", "a/b", "", ".", "a\u0000b", "<!-- /stillroom -->", "<script>", "\u001b[2J"],
  ...["__proto__", "constructor", "inf", "nan", "x".repeat(5000), ...LENGTHS, -1, 0.5, 1e308, null, true, [], {}, [[]]],
  ...[{ mean: "inf" }, ["../x"], { length: 1e9 }],
];
const words = [
  ...hostile.map((value) => JSON.stringify(value)),
  '"keys":',
  '"nodes":[',
  '"files":["../../x.md"],',
  "1e999",
];

/** A JSON file with a value somewhere in it replaced, taken out or added; the choice of the place is arbitrary. */
function changed(text: string): fc.Arbitrary<Uint8Array> {
  const value = fc.oneof(fc.constantFrom(...hostile), fc.jsonValue({ maxDepth: 3 }));
  const change = fc.tuple(fc.nat(), value, fc.constantFrom("set", "delete", "add", "deepen"));
  return fc.array(change, { minLength: 1, maxLength: 3 }).map((changes) => {
    const json: unknown = JSON.parse(text);
    for (const [place, item, how] of changes) {
      const places = placesIn(json);
      const [object, key] = places[place % places.length]!;
      if (how === "delete") delete object[key];
      else if (how === "add") object[place % 2 ? "__proto__x" : "x"] = structuredClone(item);
      else object[key] = how === "set" ? structuredClone(item) : JSON.parse("[".repeat(3000) + "]".repeat(3000));
    }
    return textInput(JSON.stringify(json));
  });
}

function placesIn(value: unknown, depth = 0): [object: Record<string, unknown>, key: string][] {
  if (typeof value !== "object" || value === null || depth > 12) return [];
  const object = value as Record<string, unknown>;
  return Object.keys(object).flatMap((key) =>
    [[object, key], ...placesIn(object[key], depth + 1)] as [typeof object, string][]
  );
}

/** A file of a run: its path, and its text when all is well. */
interface RunFile {
  readonly path: string;
  readonly text: string;
}

/** The first byte of an input says which file it becomes. */
function withFile(index: number, bytes: Uint8Array): Uint8Array {
  return Uint8Array.from([index, ...bytes]);
}

/** A demo project of two runs; the files of the second are attacked. */
async function demo(folder: string): Promise<{ files: RunFile[]; folders: ReturnType<typeof demoFolders> }> {
  const folders = demoFolders(folder);
  await writeDemo(folders, { minute: 1 });
  const { nodes } = await writeDemo(folders, {
    minute: 2,
    train: { steps: 200 },
    findings: [demoFinding("blank-render")],
  });
  const path = `${folders.runs}/demo/${demoId(2)}`;
  const entry = (place: number) => `${folders.cache}/${nodes[place]!.keys[0]}`;
  const paths = [
    ...[`${path}/plan.json`, `${path}/summary.json`, `${path}/provenance.json`],
    ...[`${entry(2)}/result.json`, `${entry(1)}/training_metrics.csv`, `${entry(2)}/evaluation_views.csv`],
  ];
  return {
    folders,
    files: await Promise.all(paths.map(async (path) => ({ path, text: await Deno.readTextFile(path) }))),
  };
}

function runInputs(files: readonly RunFile[]): Pick<Target, "seeds" | "structured" | "dictionary" | "special"> {
  const json = files.map(({ path, text }, index) => ({ path, text, index })).filter(({ path }) =>
    path.endsWith(".json")
  );
  const deep = [20_000, 200_000].map((depth) => "[".repeat(depth) + "]".repeat(depth));
  return {
    seeds: files.map(({ text }, index) => withFile(index, textInput(text))),
    structured: fc.oneof(...json.map(({ text, index }) => changed(text).map((bytes) => withFile(index, bytes)))),
    dictionary: words.map(textInput),
    special: json.flatMap(({ text, index }) =>
      [
        ...deep.slice(0, 1),
        `{"schema":1,"x":${deep[0]}}`,
        text.replace(/\}\s*$/, `,"x":${deep[0]}}`),
        deep[1]!,
        "",
        "null",
        "3",
      ]
        .map((one) => withFile(index, textInput(one)))
    ),
  };
}

/** Writes the file that an input is, reads, and puts the sound one back. */
async function whileChanged(files: readonly RunFile[], bytes: Uint8Array, read: () => Promise<unknown>): Promise<void> {
  const { path, text } = files[(bytes[0] ?? 0) % files.length]!;
  await Deno.writeFile(path, bytes.subarray(1));
  try {
    await read();
  } finally {
    await Deno.writeTextFile(path, text);
  }
}

/** What `show`, `diff` and `export --run` read and say of a run. Charts are not drawn: Vega sees only numbers and view names. */
export async function runTarget(folder: string): Promise<Target> {
  const { folders, files } = await demo(folder);
  const before = await readState(folders, demoId(1));
  return {
    name: "run folder",
    ...runInputs(files),
    read: (bytes) =>
      whileChanged(files, bytes, async () => {
        const state = await readState(folders, demoId(2));
        const shown = await readShown(folders, state);
        const view = { all: bytes.length % 2 === 0, width: 100, now: Date.UTC(2026, 7, 2) };
        if (showText(shown, new Paint(false), view) === "") throw new TypeError("show says nothing");
        const difference = await compareRuns(before, state);
        diffText([before, state], difference, { git: {}, picture: undefined, all: true, width: 100 }, new Paint(false));
        const bare = {
          ...state,
          nodes: state.nodes.map((states) => states.map(({ directory: _, ...one }) => ({ ...one, entry: folder }))),
        };
        const page = await runHtml({ state: bare, parameters: shown.parameters.list }, new Slugger(), true);
        if (/<script|onerror=/i.test(page.html)) throw new TypeError("A page holds markup of a run's file");
      }),
    // Files are read into buffers, once by each reader.
    limit: (bytes) => 2 ** 20 + 16 * bytes,
  };
}

async function readState(folders: ReturnType<typeof demoFolders>, run: string) {
  const { path, plan } = await findRun(folders, `${folders.runs}/demo/${run}`);
  return await readRunState(folders, path, plan);
}

/** What `report` and `query` read of runs: whatever is broken is left out with a note, and never an error. */
export async function recordedTarget(folder: string): Promise<Target> {
  const { files } = await demo(folder);
  return {
    name: "recorded run",
    ...runInputs(files),
    read: (bytes) =>
      whileChanged(files, bytes, async () => {
        const tables = await readRuns(folder, () => {});
        for (const { rows } of Object.values(tables)) {
          for (const row of rows) {
            for (const value of Object.values(row)) {
              if (typeof value !== "string") throw new TypeError(`A cell is a ${typeof value}`);
            }
          }
        }
        if (!tables.runs.rows.some((row) => row.run === demoId(1))) throw new TypeError("The sound run was lost");
      }),
    limit: (bytes) => 2 ** 20 + 16 * bytes,
  };
}

/** `openBlender` of a folder whose `transforms_train.json` is attacked. */
export async function transformsTarget(folder: string): Promise<Target> {
  const pose = [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 4], [0, 0, 0, 1]];
  const frame = (name: string) => ({ file_path: `./train/${name}`, transform_matrix: pose });
  const text = JSON.stringify({ camera_angle_x: 0.7, near: 2, far: 6, frames: [frame("r_0"), frame("r_1")] });
  await Deno.mkdir(`${folder}/train`);
  const png = encodePng({ width: 2, height: 2, channels: 4, data: new Uint8Array(16).fill(255) });
  for (const name of ["r_0", "r_1"]) await Deno.writeFile(`${folder}/train/${name}.png`, png);
  for (const split of ["val", "test"]) {
    await Deno.writeTextFile(`${folder}/transforms_${split}.json`, '{"camera_angle_x":0.7,"frames":[]}');
  }
  const files = [{ path: `${folder}/transforms_train.json`, text }];
  await Deno.writeTextFile(files[0]!.path, text);
  return {
    name: "transforms",
    ...runInputs(files),
    read: (bytes) => whileChanged(files, bytes, () => openBlender(folder)),
    file: folder,
    limit: (bytes) => 65536 + 16 * bytes,
  };
}
