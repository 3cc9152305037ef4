/** Splats from a file, measured with LPIPS weights from another, for tests. */
import { z } from "zod";
import { experiment } from "../runner/experiment.ts";
import { evaluate, LpipsFile } from "../stages/evaluate.ts";
import { loadSplats } from "../stages/fit_splats.ts";
import { bricksScene } from "../stages/scene.ts";

export default experiment({
  name: "lpips_splats",
  title: "Splats measured with LPIPS",
  params: z.object({ splats: z.string().default(""), lpips: LpipsFile }),
  pipeline(p) {
    const scene = bricksScene("scene", { size: 32, train: 1, val: 0, test: 2 });
    const splats = loadSplats("splats", { path: p.splats });
    const evaluation = evaluate("evaluate", { scene, student: splats, lpips: p.lpips });
    return { outputs: { evaluation } };
  },
});
