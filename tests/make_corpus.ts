/**
 * Makes `tests/corpus/`: short trainings on `bricks`, healthy ones and ones that are sick for a reason, with what diagnosis rules
 * look at. Not part of the tests; `corpus_test.ts` reads what it wrote. The same driver gives the same files, but for the column
 * `seconds` and for `checkpoints.csv`, which follow the clock.
 *
 *     deno run --allow-read --allow-write --allow-env --allow-sys --allow-run=sh tests/make_corpus.ts [PART-OF-A-NAME] [FOLDER]
 *
 * About twenty minutes on two CPU cores. Cases that are called `recorded_*` are tables of whole trainings on LEGO, and stay.
 */
import { Lab, writeCase } from "./corpus_lab.ts";
import { CASES } from "./corpus_cases.ts";

const [filter = "", to = new URL("corpus", import.meta.url).pathname] = Deno.args;
const work = await Deno.makeTempDir({ prefix: "stillroom_corpus_" });
const lab = await Lab.open(work);
try {
  for (const { name, label, how, pipeline, seed, keep, slow, trainer, joined } of CASES) {
    const folder = `${label === "healthy" ? label : label[0]}/${name}`;
    if (!folder.includes(filter)) continue;
    console.error(folder);
    await Deno.remove(`${to}/${folder}`, { recursive: true }).catch(() => {});
    const results = await lab.run(pipeline, seed ?? 0, { slow, trainer });
    const kept = results.filter(({ node }) => keep.includes(node.name));
    const start = joined ? results.find(({ node }) => node.name === "start") : undefined;
    await writeCase(`${to}/${folder}`, { label, how, ...(start ? { synthetic: true } : {}) }, kept, start?.made);
  }
} finally {
  await Deno.remove(work, { recursive: true });
}
