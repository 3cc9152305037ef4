/** A toy experiment without a device: what the runner's end-to-end tests run. */

import { z } from "zod";
import { experiment } from "../../runner/experiment.ts";
import { gate } from "../../runner/gate.ts";
import { numbers, score, teacher, train } from "./toy_stages.ts";

const Params = z.object({
  scene: z.string().default("toys/plain").describe("name of the scene"),
  count: z.int().default(8),
  steps: z.int().default(20),
  pause: z.number().default(0),
  offset: z.number().default(0),
  failAt: z.int().default(-1),
  data: z.string().optional(),
  depth: z.object({ weight: z.number().default(0.5), kind: z.enum(["l1", "l2"]).default("l1") }).prefault({
    weight: 0.25,
  }),
});

export default experiment({
  name: "toy",
  title: "A toy without a device",
  params: Params,
  presets: { tiny: { steps: 4, depth: { weight: 0.125 } }, strict: { steps: 6 }, blocked: { steps: 3 } },
  pipeline(p) {
    const list = numbers("numbers", { count: p.count, ...(p.data === undefined ? {} : { path: p.data }) });
    const guide = teacher("teacher", { numbers: list, exports: ["colour", "depth"] });
    const model = train("student", {
      numbers: list,
      teacher: guide,
      steps: p.steps,
      pause: p.pause,
      failAt: p.failAt,
      depth: { weight: p.depth.weight },
    });
    const evaluation = score("evaluate", { model, offset: p.offset });
    return {
      outputs: { evaluation, model },
      gates: {
        tiny: [gate(evaluation, "psnr").atLeast(0), gate(model, "loss").atMost(0.5).named("loss stays low")],
        strict: [gate(evaluation, "psnr").atLeast(1000), gate(evaluation, "psnr").atLeast(1e6).forScene("other")],
        blocked: [gate(model, "loss").atMost(0).blocking()],
      },
    };
  },
});
