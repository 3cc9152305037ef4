/**
 * Registry records of the quantiser of Gaussians: the rounding, whose reference rounds, and the gradients, which are not those of the
 * rounding. The second record's reference is the smooth function that they are of, whose residues of rounding are an input: they
 * are drawn with the numbers, so that the device, which never sees them, must arrive at the same values; and central differences
 * hold them still. See `quantiser_reference.ts`.
 *
 * @module
 */
import { withScratch } from "../_scratch.ts";
import type { DeviceArray, Gpu } from "../device.ts";
import { type DifferentiableKernel, type ForwardKernel, type Inputs, type Kernel, uniform } from "../kernel.ts";
import type { Pcg } from "../random/pcg.ts";
import { GAUSSIAN_FLOATS } from "./gaussian_layout.ts";
import { QUANTISER_RANGE_FLOATS, type QuantiserConfig, quantiserMemory, quantiserOps } from "./quantiser.ts";
import {
  referenceMargins,
  referenceQuantise,
  referenceResidues,
  referenceStraightThrough,
  referenceStraightThroughBackward,
} from "./quantiser_reference.ts";

type In = "parameters" | "ranges";

const PICTURE = { width: 30, height: 21, bits: { position: 4, scale: 5, angle: 4, luma: 6, chroma: 4 } };
/** Rows that hold no Gaussian. */
const SPARE = 3;
/** Steps that a number is kept from a jump, as a multiple of the margin asked for: an f32 is not as fine as a margin of 1e-5 steps. */
const STEPS = 10;

const configOf = (parameters: ArrayLike<number>): QuantiserConfig => ({
  ...PICTURE,
  capacity: parameters.length / GAUSSIAN_FLOATS + SPARE,
});

/** Numbers of which some lie outside of the ranges drawn with them. */
function drawGaussians(rng: Pcg, size: number): Inputs<In> {
  const centre = [[-12, 42], [-12, 33], [-3, 3], [0, 1]], shape = [[-0.5, 3], [-0.5, 3], [-7, 7], [0, 1]];
  const ends = [...centre, ...shape, [-0.2, 1.2], [-0.2, 1.2], [-0.2, 1.2], [0, 1]] as [number, number][];
  const draw = (i: number) => rng.uniform(...ends[i % GAUSSIAN_FLOATS]!);
  const parameters = Float32Array.from({ length: size * GAUSSIAN_FLOATS }, (_, i) => draw(i));
  const range = (low: number, width: number, bits: number) => [
    low + rng.uniform(-0.1, 0.1),
    Math.log(width / (2 ** bits - 1)) + rng.uniform(-0.1, 0.1),
  ];
  const { scale, luma, chroma } = PICTURE.bits;
  const ranges = [range(0, 2.5, scale), range(0.1, 0.7, luma), range(-0.3, 0.6, chroma), range(-0.3, 0.6, chroma)];
  return { parameters, ranges: Float32Array.from(ranges.flat()) };
}

async function run(
  gpu: Gpu,
  { parameters, ranges }: Inputs<In>,
  gradient?: DeviceArray,
): Promise<Record<"quantised" | In, Float32Array>> {
  const config = configOf(parameters), bytes = quantiserMemory(config.capacity), n = parameters.length;
  return await withScratch(gpu, async (s) => {
    const upload = (label: string, data: DeviceArray) => {
      const buffer = s.buffer(label, bytes.quantised);
      gpu.write(buffer, data);
      return buffer;
    };
    const pass = s.keep(
      await quantiserOps(gpu, config, {
        parameters: upload("parameters", parameters),
        ranges: s.upload("ranges", ranges),
        counts: s.upload("counts", new Uint32Array([n / GAUSSIAN_FLOATS])),
      }),
    );
    gpu.submit(pass.forward);
    if (!gradient) {
      const [quantised] = await s.read([pass.quantised, n]);
      return { quantised: new Float32Array(quantised!), parameters: new Float32Array(), ranges: new Float32Array() };
    }
    const back = await pass.backward(upload("quantised gradient", gradient));
    gpu.submit(back.ops);
    const [quantised, byParameters, byRanges] = (await s.read([pass.quantised, n], [back.gradient, n], [
      back.rangeGradient,
      QUANTISER_RANGE_FLOATS,
    ])).map((b) => new Float32Array(b));
    return { quantised: quantised!, parameters: byParameters!, ranges: byRanges! };
  });
}

const limits = ({ parameters, ranges }: Inputs<In>) => {
  const { quantised, ...back } = quantiserMemory(configOf(parameters).capacity);
  return [
    { name: "parameters", bytes: quantised },
    { name: "ranges", bytes: ranges.byteLength },
    { name: "counts", bytes: 16 },
    { name: "quantised", bytes: quantised },
    { name: "quantised gradient", bytes: quantised },
    ...Object.entries(back).map(([name, bytes]) => ({ name, bytes })),
  ];
};

// 8.1e-7 at an ln sigma of 2.6, 60 draws of up to 133 Gaussians: the device's exp of a ln step, which WGSL allows to be 1e-6 of it off.
const VALUES = { absolute: 3e-6, relative: 0 };

const rounding: ForwardKernel<In, "quantised"> = {
  name: "gaussian quantiser",
  kind: "forward",
  sample: drawGaussians,
  forward: async (gpu, input) => ({ quantised: (await run(gpu, input)).quantised }),
  reference: ({ parameters, ranges }) => ({
    quantised: referenceQuantise(configOf(parameters), parameters, ranges),
  }),
  awayFromKinks({ parameters, ranges }, margin) {
    const config = configOf(parameters), residues = referenceResidues(config, parameters, ranges);
    return referenceMargins(config, parameters, ranges, residues).distance > STEPS * margin;
  },
  tolerance: { quantised: VALUES },
  poison: { forward: ["parameters", "ranges"] },
  limits,
  moreSizes: [133],
  manyWorkgroups: { limit: 2, size: 150 },
};

const straightThrough: DifferentiableKernel<In | "residues", "quantised", "quantised", In> = {
  name: "gaussian quantiser, straight through",
  kind: "differentiable",
  sample(rng, size) {
    const { parameters, ranges } = drawGaussians(rng, size);
    const residues = Float32Array.from(referenceResidues(configOf(parameters), parameters, ranges));
    return { parameters, ranges, residues };
  },
  forward: async (gpu, input) => ({ quantised: (await run(gpu, input)).quantised }),
  reference: ({ parameters, ranges, residues }) => ({
    quantised: referenceStraightThrough(configOf(parameters), parameters, ranges, residues),
  }),
  differentiable: ["parameters", "ranges"],
  seed: (rng, { parameters }) => ({ quantised: uniform(rng, parameters.length) }),
  backward: async (gpu, input, gradient) => {
    const { parameters, ranges } = await run(gpu, input, gradient.quantised);
    return { parameters, ranges };
  },
  referenceBackward: ({ parameters, ranges, residues }, { quantised }) =>
    referenceStraightThroughBackward(configOf(parameters), parameters, ranges, residues, quantised),
  // Damaged numbers no longer belong to the residues: there the device rounds, and the reference does not.
  awayFromKinks({ parameters, ranges, residues }, margin) {
    const { distance, misfit } = referenceMargins(configOf(parameters), parameters, ranges, residues);
    return distance > STEPS * margin && misfit <= margin;
  },
  tolerance: {
    quantised: VALUES,
    // 6.0e-8 at 1.1, a colour's.
    parameters: { absolute: 2e-7, relative: 0 },
    // 4.8e-6 at -6.0, a ln step's sum over 133 Gaussians: the error of exp, times places up to 63.
    ranges: { absolute: 2e-5, relative: 0 },
  },
  poison: { forward: ["parameters", "ranges"], backward: ["parameters", "ranges", "quantised"] },
  limits: (input) => [...limits(input), { name: "residues", bytes: input.residues.byteLength }],
  manyWorkgroups: { limit: 2, size: 150 },
};

/** Records of the quantiser: what it rounds, and what passes through. */
export const quantiserKernels: readonly Kernel[] = [rounding, straightThrough];
