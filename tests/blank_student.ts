/**
 * Students that learnt nothing, beside one that learnt a little, for tests of the blank-render rule. `nothing` has an empty
 * occupancy grid, so that every render is the background. `speck` draws one grey speck: its pictures are not constant, but
 * they score what an all-white picture scores. `trained` is a real, very short training.
 */
import { z } from "zod";
import { fieldNetworks, type HashFieldConfig, tableSize } from "../models/hash_field.ts";
import { loadField, saveField, type TrainedField } from "../models/field_file.ts";
import { experiment } from "../runner/experiment.ts";
import { input } from "../runner/ref.ts";
import { stage } from "../runner/stage.ts";
import { evaluate } from "../stages/evaluate.ts";
import { bricksScene, type Scene } from "../stages/scene.ts";
import { trainField } from "../stages/train_field.ts";

const field: HashFieldConfig = {
  kind: "hash-field",
  grid: { dimensions: 3, levels: 4, features: 2, log2Entries: 8, baseResolution: 4, growth: 1.5 },
  width: 16,
  hiddenLayers: 1,
  colour: { kind: "sh", degree: 0 },
};
/** Cells per side of the occupancy grid, and of the coarse grid that stands behind it. */
const CELLS = 32, COARSE = CELLS / 4;

/** Sets the block of eight cells around the middle of the grid, in the fine and in the coarse bits. */
function setSpeck(bits: Uint32Array): void {
  const set = (base: number, x: number, y: number, z: number, side: number) => {
    const cell = (z * side + y) * side + x;
    bits[base + (cell >> 5)]! |= 1 << (cell & 31);
  };
  const coarseBase = CELLS ** 3 / 32;
  for (const [x, y, z] of [0, 1, 2, 3, 4, 5, 6, 7].map((i) => [i & 1, (i >> 1) & 1, i >> 2] as const)) {
    const [a, b, c] = [x, y, z].map((d) => CELLS / 2 - 1 + d) as [number, number, number];
    set(0, a, b, c, CELLS);
    set(coarseBase, a >> 2, b >> 2, c >> 2, COARSE);
  }
}

const blankStudent = stage({
  name: "blank_student",
  module: import.meta.url,
  params: z.object({ shows: z.enum(["nothing", "speck"]) }),
  inputs: { scene: input<Scene<"colour">>() },
  artifact: { format: "field", version: 2, save: saveField, load: loadField },
  run(_context, { scene }, params) {
    const occupancy = new Uint32Array(CELLS ** 3 / 32 + COARSE ** 3 / 32);
    if (params.shows === "speck") setSpeck(occupancy);
    const value: TrainedField = {
      kind: "field",
      config: field,
      box: scene.info.aabb,
      near: scene.info.near,
      stepLength: 0.02,
      mostSamples: 256,
      occupancyResolution: CELLS,
      subrays: 1,
      // Zeros: density exp(0) = 1 and colour sigmoid(0) = 1/2 wherever a cell is occupied.
      parameters: { table: new Float32Array(tableSize(field)), network: new Float32Array(fieldNetworks(field).size) },
      occupancy,
      trainSeconds: 0,
    };
    return Promise.resolve({ value });
  },
});

export default experiment({
  name: "blank_student",
  title: "Students that learnt nothing",
  params: z.object({ shows: z.enum(["nothing", "speck", "trained"]).default("nothing") }),
  pipeline(p) {
    const scene = bricksScene("scene", { size: 32, train: 12, val: 0, test: 4 });
    const student = p.shows === "trained"
      ? trainField("student", { scene, steps: 48, batch_samples: 4096, log2_entries: 10, width: 16, colour_width: 16 })
      : blankStudent("student", { scene, shows: p.shows });
    const evaluation = evaluate("evaluate", { scene, student });
    return { outputs: { student, evaluation } };
  },
});
