/**
 * The evaluator is right before anything is trained: its own functions give the trivial baselines of the LEGO test views that
 * an independent computation gave. Needs the photographs: STILLROOM_DATA names the folder that holds lego400.
 */
import assert from "node:assert/strict";
import { loadViews, openBlender } from "../scenes/blender.ts";
import { overBackground } from "../stages/compose.ts";
import { constantPsnr, scoreView, trivialBaselines } from "../stages/evaluate.ts";
import { dataTest } from "./permissions.ts";

/** Decibels; the independent figures have six digits after the point. */
const TOLERANCE = 1e-5;

function near(found: number, expected: number, what: string): void {
  assert.ok(Math.abs(found - expected) <= TOLERANCE, `${what}: expected ${expected} dB, found ${found} dB`);
}

dataTest("trivialBaselines() of the 100 LEGO test views are those of an independent computation", async (data) => {
  const scene = await openBlender(`${data}/lego400`);
  const { width, height, views } = scene.splits.test;
  assert.deepEqual([views, width, height, scene.background], [100, 400, 400, [1, 1, 1]]);
  const targets: Float64Array[] = [];
  for (const { rgba } of await loadViews(scene, "test")) targets.push(overBackground(rgba, scene.background));
  const { white, black, constant, colour } = trivialBaselines(targets);
  near(white, 9.488337, "all-white");
  near(constant, 10.675542, "mean colour");
  assert.ok(black < white && white < constant, `black ${black}, white ${white}, mean colour ${constant}`);
  assert.equal(constantPsnr(targets, colour), constant);

  // One view through the function that scores renders: a constant picture gets the constant's score, and is called flat.
  const [target] = targets as [Float64Array];
  const flat = new Float64Array(target.length).fill(1);
  const score = scoreView(flat, target, () => 1, width, height);
  assert.equal(score.deviation, 0);
  near(score.psnr, constantPsnr([target], [1, 1, 1]), "an all-white render");
});
