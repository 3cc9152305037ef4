/**
 * Registry record of the statistics of gradients.
 *
 * @module
 */
import { withScratch } from "../_scratch.ts";
import { uniform, type UpdateKernel } from "../kernel.ts";
import { SPLAT_CAMERA_WORDS } from "./splat_camera.ts";
import { splatStatisticsOps } from "./splat_statistics.ts";

const WIDTH = 30, HEIGHT = 20;

/** Record of the statistics: what was there before is an input, too. */
export const splatStatisticsKernel: UpdateKernel<"spans" | "gradient" | "statistics", "statistics"> = {
  name: "splat statistics",
  kind: "update",
  sample: (rng, size) => ({
    spans: Uint32Array.from({ length: 2 * size }, (_, k) => k % 2 === 0 ? k : rng.integer(3)),
    gradient: uniform(rng, 12 * size),
    statistics: uniform(rng, 2 * size, 0, 5),
  }),
  forward: (gpu, { spans, gradient, statistics }) =>
    withScratch(gpu, async (scratch) => {
      const capacity = Math.max(1, statistics.length / 2);
      const words = new Uint32Array(SPLAT_CAMERA_WORDS);
      words[22] = statistics.length / 2;
      const camera = scratch.upload("camera", words, GPUBufferUsage.UNIFORM);
      const state = scratch.upload("statistics", statistics);
      gpu.submit(
        await splatStatisticsOps(gpu, { width: WIDTH, height: HEIGHT, capacity }, [camera], {
          spans: scratch.upload("spans", spans),
          projectedGradient: scratch.upload("gradient", gradient),
          statistics: state,
        }),
      );
      return { statistics: new Float32Array((await scratch.read([state, statistics.length]))[0]!) };
    }),
  reference({ spans, gradient, statistics }) {
    const after = Float64Array.from(statistics);
    for (let i = 0; i < after.length / 2; i++) {
      if (spans[2 * i + 1] === 0) continue;
      after[2 * i]! += Math.hypot(gradient[12 * i]! * WIDTH / 2, gradient[12 * i + 1]! * HEIGHT / 2);
      after[2 * i + 1]! += 1;
    }
    return { statistics: after };
  },
  tolerance: { statistics: { absolute: 4e-6, relative: 4e-7 } },
  poison: { forward: ["gradient", "statistics"] },
  limits: ({ spans, gradient, statistics }) => [
    { name: "spans", bytes: spans.byteLength },
    { name: "gradient", bytes: gradient.byteLength },
    { name: "statistics", bytes: statistics.byteLength },
    { name: "camera", bytes: SPLAT_CAMERA_WORDS * 4, binding: false },
  ],
  manyWorkgroups: { limit: 2, size: 150 },
};
