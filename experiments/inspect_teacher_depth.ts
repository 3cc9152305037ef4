/**
 * The teacher's depth, looked at before students learn from it: range, coverage, histogram, and true depth beside it.
 *
 *     deno task run experiments/inspect_teacher_depth.ts scene=../lego downscale=2 --preset cpu
 *     deno task run experiments/inspect_teacher_depth.ts scene=../lego splats=../lego.ply
 *
 * @module
 */
import { z } from "zod";
import { experiment } from "../runner/experiment.ts";
import { gate } from "../runner/gate.ts";
import { fitSplats, loadSplats } from "../stages/fit_splats.ts";
import { inspectDepth } from "../stages/inspect_depth.ts";
import { SPLAT_PRESETS, SplatTeacher, teacherScene } from "../stages/splat_presets.ts";

const Params = SplatTeacher.extend({
  splats: z.string().default("").describe("a .ply or .splat file to look at; empty: fit splats to the scene first"),
});

export default experiment({
  name: "inspect_teacher_depth",
  title: "Teacher depth: range, coverage, and agreement with true depth",
  params: Params,
  presets: SPLAT_PRESETS,
  pipeline(p) {
    const scene = teacherScene(p);
    const teacher = p.splats === ""
      ? fitSplats("teacher", { scene, ...p.fit })
      : loadSplats("teacher", { path: p.splats });
    const inspection = inspectDepth("inspect", { scene, teacher, views: p.test_views });
    const covered = gate(inspection, "depth_coverage").atLeast(0.95), slope = gate(inspection, "depth_slope");
    const agrees = [covered, slope.atLeast(0.98), slope.atMost(1.02)];
    return {
      outputs: { inspection },
      gates: {
        default: agrees,
        // Hardly trained: only another unit would be as far off as this.
        tiny: [covered, slope.atLeast(0.7), slope.atMost(1.3)],
        cpu: agrees,
        long: agrees,
        paper: agrees,
      },
    };
  },
});
