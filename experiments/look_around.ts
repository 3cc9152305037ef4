/**
 * A splat file -> pictures from all around: the first thing to do with a teacher that somebody brings.
 *
 *     deno task run experiments/look_around.ts splats=guitar.ply
 *
 * @module
 */
import { z } from "zod";
import { experiment } from "../runner/experiment.ts";
import { gate } from "../runner/gate.ts";
import { loadSplats } from "../stages/fit_splats.ts";
import { LookAround, lookAround } from "../stages/look_around.ts";

const Params = z.object({
  splats: z.string("Name a file: splats=scan.ply").min(1).describe(
    ".ply (INRIA, PlayCanvas compressed) or .splat file",
  ),
  look: LookAround.prefault({}).describe("see stages/look_around.ts"),
});

export default experiment({
  name: "look_around",
  title: "Splats from all around",
  params: Params,
  presets: { tiny: { look: { views: 2, size: 100 } } },
  pipeline(p) {
    const splats = loadSplats("splats", { path: p.splats });
    const tour = lookAround("tour", { splats, ...p.look });
    // A file that shows nothing is broken, or up and zoom are wrong.
    const seen = gate(tour, "coverage").atLeast(0.005);
    return { outputs: { tour }, gates: { default: [seen], tiny: [seen] } };
  },
});
