/** A splat file that somebody brings, looked at from all around. */
import assert from "node:assert/strict";
import { readPngHeader } from "../scenes/png.ts";
import { randomSplats } from "../scenes/_splat_test_data.ts";
import { writeSplats } from "../scenes/splat_files.ts";
import { programTest } from "./permissions.ts";
import { stillroom } from "./runner/harness.ts";

programTest("look_around shows a splat file from all around, and says when there is none", async (folder) => {
  const file = `${folder}/brought.ply`;
  await writeSplats(file, randomSplats(200, 1));
  const look = ["run", "experiments/look_around.ts", "--preset", "tiny", "--json", "--no-check"];
  const { code, out, err } = await stillroom(folder, ...look, `splats=${file}`);
  assert.equal(code, 0, err);
  const { path, metrics } = JSON.parse(out.trimEnd().split("\n").at(-1)!) as {
    path: string;
    metrics: Readonly<Record<string, number>>;
  };
  assert.equal(metrics["tour.splats"], 200);
  assert.ok(metrics["tour.coverage"]! > 0.005);
  // Two views side by side, each with its depth, enlarged twice.
  const picture = readPngHeader(await Deno.readFile(`${path}/tour/views.png`), "views.png");
  assert.deepEqual([picture.width, picture.height], [4 * 200 + 3 * 4, 200]);

  const missing = await stillroom(folder, ...look, `splats=${folder}/none.ply`);
  assert.equal(missing.code, 2);
  const unnamed = await stillroom(folder, ...look);
  assert.equal(unnamed.code, 2);
  assert.match(unnamed.err, /Name a file: splats=scan\.ply/);
});
