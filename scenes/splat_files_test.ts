import assert from "node:assert/strict";
import { randomSplats } from "./_splat_test_data.ts";
import { testInFolder, testOnData } from "./_test_data.ts";
import { encodeSplatBinary } from "./splat_binary.ts";
import { decodeSplats, readSplats, writeSplats } from "./splat_files.ts";
import { encodeSplatPly } from "./splat_ply.ts";

Deno.test("decodeSplats goes by content, and by the name for .splat only", () => {
  const splats = randomSplats(3, 0);
  const ply = encodeSplatPly(splats, "x");
  for (const name of ["a.ply", "a.splat", "noname"]) assert.deepEqual(decodeSplats(ply, name), splats);
  const binary = encodeSplatBinary(splats, "x");
  assert.equal(decodeSplats(binary, "a.SPLAT").count, 3);
  for (const name of ["a.ply", "a.splat.bak", "splat", "dir.splat/file"]) {
    assert.throws(() => decodeSplats(binary, name), /Expected splats: a PLY, or a file named \.splat, found neither/);
  }
  assert.throws(() => decodeSplats(new Uint8Array(0), "a.ply"), /^SceneError: a\.ply: The file is empty/);
  assert.throws(() => decodeSplats(new Uint8Array(0), "a.splat"), /holds no splats/);
  for (let end = 0; end < ply.length; end++) {
    assert.throws(() => decodeSplats(ply.slice(0, end), "a.ply"), /^SceneError/);
  }
});

testInFolder("writeSplats goes by the extension and readSplats reads it back", async (folder) => {
  const splats = randomSplats(50, 2);
  await writeSplats(`${folder}/a.ply`, splats);
  assert.deepEqual(await readSplats(`${folder}/a.ply`), splats);
  await writeSplats(`${folder}/b.PLY`, splats, { normals: false });
  assert.deepEqual(await readSplats(`${folder}/b.PLY`), splats);
  assert.equal((await Deno.stat(`${folder}/a.ply`)).size - (await Deno.stat(`${folder}/b.PLY`)).size, 50 * 12 + 3 * 18);
  await assert.rejects(writeSplats(`${folder}/c.splat`, splats), /degree 0, found degree 2/);
  await writeSplats(`${folder}/c.splat`, splats, { dropSh: true });
  assert.deepEqual((await readSplats(`${folder}/c.splat`)).means, splats.means);
  for (const name of ["d.spz", "d", "d.compressed.ply"]) {
    await assert.rejects(writeSplats(`${folder}/${name}`, splats), /written as \.ply or \.splat/);
  }
  await assert.rejects(writeSplats(`${folder}/no/e.ply`, splats), /^SceneError: .*e\.ply: Cannot be written/);
  await assert.rejects(readSplats(`${folder}/f.ply`), /^SceneError: .*f\.ply: File is missing/);
});

testOnData("a real file keeps its splats through both formats", async (folder) => {
  const splats = await readSplats(`${folder}/splats/guitar.compressed.ply`);
  assert.deepEqual(decodeSplats(encodeSplatPly(splats, "g.ply"), "g.ply"), splats);
  const back = decodeSplats(encodeSplatBinary(splats, "g.splat"), "g.splat");
  assert.deepEqual(back.means, splats.means);
  // Eight bits of opacity and what they stand for are the same in both formats.
  splats.opacities.forEach((value, i) => assert.ok(Math.abs(back.opacities[i]! - value) < 1e-5));
});
