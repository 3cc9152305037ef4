/**
 * Registry records of splats as a field: every mode, every degree of the colour.
 *
 * @module
 */
import { capacityOf, countsOf, withScratch } from "../_scratch.ts";
import type { Gpu } from "../device.ts";
import { type ForwardKernel, type Inputs, type Kernel, uniform } from "../kernel.ts";
import type { Pcg } from "../random/pcg.ts";
import { packFieldSplats, type SplatFieldConfig, splatFieldMemory, splatFieldOps } from "./splat_field.ts";
import { meetings, referenceSplatField, sampleOf } from "./splat_field_reference.ts";
import { SPLAT_CUTOFFS } from "./splat_raster.ts";

type In = "positions" | "intervals" | "rays" | "owners" | "lists" | "geometry" | "colours";
type Out = "density" | "values";

const SPLATS = 40, RAYS = 10;

/** Lists that no geometry stands behind: every fifth cell is empty, the others name up to 40 splats. */
function drawLists(rng: Pcg, cells: number): Uint32Array<ArrayBuffer> {
  const begins: number[] = [], lists: number[] = [];
  for (let cell = 0; cell < cells; cell++) {
    begins.push(cells + 1 + lists.length);
    const length = cell % 5 === 0 ? 0 : rng.integer(40) + 1;
    for (let k = 0; k < length; k++) lists.push(rng.integer(SPLATS));
  }
  return Uint32Array.from([...begins, cells + 1 + lists.length, ...lists]);
}

function draw(rng: Pcg, config: SplatFieldConfig, size: number): Inputs<In> {
  const { min, max } = config.box;
  const positions = uniform(rng, 4 * size, 0, 1), owners = new Uint32Array(size), rays = new Float32Array(8 * RAYS);
  const intervals = uniform(rng, 2 * size, 2, 4).map((v, k) => k % 2 === 0 ? v : v / 10);
  for (let r = 0; r < RAYS; r++) {
    const d = [rng.normal(), rng.normal(), rng.normal()], length = Math.hypot(...d);
    // Origin, near and far are the sampler's business.
    rays.set([NaN, NaN, NaN, NaN, ...d.map((v) => v / length), NaN], 8 * r);
  }
  for (let n = 0; n < size; n++) owners[n] = rng.integer(RAYS);
  const K = (config.degree + 1) ** 2;
  const packed = packFieldSplats({
    count: SPLATS,
    degree: config.degree,
    // Some lie outside of the box.
    means: uniform(rng, 3 * SPLATS, 0, 1).map((v, k) => min[k % 3]! - 0.2 + v * (max[k % 3]! - min[k % 3]! + 0.4)),
    // Needles, sheets and balls.
    logScales: uniform(rng, 3 * SPLATS, -4, 0),
    rotations: uniform(rng, 4 * SPLATS),
    opacities: uniform(rng, SPLATS, -2, 6),
    sh: uniform(rng, 3 * K * SPLATS, -0.6, 0.6),
  });
  return { positions, intervals, rays, owners, lists: drawLists(rng, config.resolution ** 3), ...packed };
}

/** Density and values of samples. */
export async function runSplatField(gpu: Gpu, config: SplatFieldConfig, input: Inputs<In>) {
  return await withScratch(gpu, async (s) => {
    const n = input.owners.length;
    const upload = (name: In) => s.upload(name, input[name]);
    const samples = {
      counts: s.upload("counts", countsOf(n)),
      ...{ positions: upload("positions"), intervals: upload("intervals") },
      ...{ rays: upload("rays"), owners: upload("owners"), capacity: capacityOf(n) },
    };
    const splats = { geometry: upload("geometry"), colours: upload("colours"), lists: upload("lists") };
    const field = s.keep(await splatFieldOps(gpu, config, samples, splats));
    gpu.submit(field.forward);
    const [density, values] = await s.read([field.density, n], [field.values, 4 * n]);
    return { density: new Float32Array(density!), values: new Float32Array(values!) };
  });
}

function record(config: SplatFieldConfig): ForwardKernel<In, Out> {
  return {
    name: `splat field, ${config.mode}, degree ${config.degree}`,
    kind: "forward",
    // The size counts samples.
    sample: (rng, size) => draw(rng, config, size),
    forward: (gpu, input) => runSplatField(gpu, config, input),
    reference: (input) => referenceSplatField(config, input),
    // The lists change at the faces of cells; at its cut-off, and where a segment or a truncated Gaussian ends, a splat jumps.
    awayFromKinks: (input, margin) => {
      for (let n = 0; n < input.owners.length; n++) {
        const { cell, direction, delta } = sampleOf(config, input, n);
        // Damage can leave a direction of another length, for which nothing is promised.
        if (Math.abs(Math.hypot(...direction) - 1) > 1e-6) return false;
        if (cell.some((c) => Math.abs(c - Math.round(c)) < margin * config.resolution)) return false;
        for (const { raw, offset, deviation } of meetings(config, input, n)) {
          const over = Math.log(raw / SPLAT_CUTOFFS.minAlpha), far = Math.abs(offset);
          if (Math.abs(over) < 100 * margin) return false;
          if (config.mode === "segment" && over > 0 && Math.abs(far - delta / 2) < 10 * margin) return false;
          const reach = deviation * Math.sqrt(2 * over);
          if (config.mode === "point" && over > 0 && Math.abs(far - reach) < 10 * margin) return false;
        }
      }
      return true;
    },
    tolerance: {
      // 1.7e-5 at 20 (point), 5.4e-7 at 0.0065 (mass), 720 samples each: sheets and needles, of which only the blur's width is left.
      density: { absolute: 2e-6, relative: 4e-6 },
      values: { absolute: 4e-6, relative: 0 },
    },
    // Splats that are not finite are refused where they are packed.
    poison: { forward: ["positions", "intervals", "rays"] },
    limits: (input) => [
      ...splatFieldMemory(capacityOf(input.owners.length)),
      ...Object.entries(input).map(([name, data]) => ({ name, bytes: data.byteLength })),
      { name: "counts", bytes: 16 },
    ],
    manyWorkgroups: { limit: 2, size: 133 },
  };
}

const FIELD = {
  // The box is no cube and its corner is not the origin, so that mixed-up axes show.
  box: { min: [-1, -0.75, -0.5], max: [1, 1.25, 1] },
  resolution: 3,
  footprint: 0.01,
} as const;

/** Records of the field. */
export const splatFieldKernels: readonly Kernel[] = [
  record({ ...FIELD, mode: "point", degree: 3 }),
  record({ ...FIELD, mode: "segment", degree: 2 }),
  record({ ...FIELD, mode: "mass", degree: 1 }),
  record({ ...FIELD, mode: "mass", degree: 0 }),
];
