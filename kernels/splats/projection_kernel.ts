/**
 * Registry records of the projection of splats, for each degree of the colour.
 *
 * @module
 */
import { withScratch } from "../_scratch.ts";
import type { Gpu } from "../device.ts";
import { type DifferentiableKernel, type Inputs, type Kernel, type Numbers, uniform } from "../kernel.ts";
import type { Pcg } from "../random/pcg.ts";
import {
  projectedBytes,
  projectionBackwardOps,
  type ProjectionConfig,
  projectionOps,
  shVectors,
  SPLAT_BUFFERS,
  splatMemory,
} from "./projection.ts";
import { referenceProjection, referenceProjectionBackward } from "./projection_reference.ts";
import { SPLAT_CAMERA_WORDS, splatCameraNumbers } from "./splat_camera.ts";

type Parameter = typeof SPLAT_BUFFERS[number];
type Name = Parameter | "camera";

/** A picture and a camera that looks from the side, so that no axis is special. */
const TEST_VIEW = { width: 40, height: 24, near: 0.2 };

/** Numbers of a camera at random around the origin, looking at it from a distance of 4. */
function drawCamera(rng: Pcg): Float32Array<ArrayBuffer> {
  const z = [rng.normal(), rng.normal(), rng.normal()], h = [rng.normal(), rng.normal(), rng.normal()];
  const unit = (v: number[]) => v.map((x) => x / Math.hypot(...v));
  const cross = (a: number[], b: number[]) =>
    [0, 1, 2].map((k) => a[(k + 1) % 3]! * b[(k + 2) % 3]! - a[(k + 2) % 3]! * b[(k + 1) % 3]!);
  const back = unit(z), right = unit(cross(h, back)), up = cross(back, right);
  const { width, height, near } = TEST_VIEW;
  const cameraToWorld = [0, 1, 2].flatMap((k) => [right[k]!, up[k]!, back[k]!, 4 * back[k]!]);
  return Float32Array.from(
    splatCameraNumbers({ width, height, fx: 45, fy: 42, cx: 19, cy: 12.5, cameraToWorld }, near),
  );
}

function drawSplats(rng: Pcg, size: number, degree: number): Inputs<Parameter> {
  const vectors = shVectors(degree);
  const colour = () =>
    uniform(rng, size * vectors * 4, -0.4, 0.4).map((v, k) => k % (vectors * 4) < (degree + 1) ** 2 ? v : 0);
  return {
    // Some lie behind the camera, some outside of the picture where the tangents are clamped.
    means: uniform(rng, size * 4, -2.5, 2.5).map((v, k) => k % 4 === 3 ? 0 : v),
    shapes: uniform(rng, size * 4, -3, -1).map((v, k) => k % 4 === 3 ? v + 2 : v),
    rotations: uniform(rng, size * 4, -1, 1),
    red: colour(),
    green: colour(),
    blue: colour(),
  };
}

/** The uniform of a record: its 22 numbers, the number of splats and the degree. */
function words(camera: ArrayLike<number>, count: number, degree: number): Uint32Array<ArrayBuffer> {
  const out = new Uint32Array(SPLAT_CAMERA_WORDS);
  new Float32Array(out.buffer).set(Float32Array.from(camera));
  out.set([count, degree], 22);
  return out;
}

async function run(gpu: Gpu, degree: 0 | 1 | 2 | 3, input: Inputs<Name>, gradient?: Inputs["string"]) {
  const count = input.means.length / 4;
  const config: ProjectionConfig = { capacity: Math.max(1, count), degree };
  return await withScratch(gpu, async (scratch) => {
    const camera = scratch.upload("camera", words(input.camera, count, degree), GPUBufferUsage.UNIFORM);
    const upload = (name: Parameter) => scratch.upload(name, input[name]);
    const splats = Object.fromEntries(SPLAT_BUFFERS.map((n) => [n, upload(n)])) as Record<Parameter, GPUBuffer>;
    const projected = scratch.buffer("projected", projectedBytes(config.capacity));
    gpu.submit(await projectionOps(gpu, config, [camera], splats, projected));
    if (!gradient) return { projected: new Float32Array((await scratch.read([projected, 12 * count]))[0]!) };
    const given = scratch.upload("projected gradient", gradient);
    const made = Object.fromEntries(
      Object.entries(splatMemory(config)).map(([n, bytes]) => [n, scratch.buffer(`${n} gradient`, bytes)]),
    ) as Record<Parameter, GPUBuffer>;
    for (const ops of await projectionBackwardOps(gpu, config, [camera], splats, projected, given, made)) {
      gpu.submit(ops);
    }
    const parts = await scratch.read(...SPLAT_BUFFERS.map((n) => [made[n], input[n].length] as const));
    return Object.fromEntries(SPLAT_BUFFERS.map((n, k) => [n, new Float32Array(parts[k]!)]));
  });
}

function record(degree: 0 | 1 | 2 | 3): Kernel {
  const kernel: DifferentiableKernel<Name, "projected", "projected", Parameter> = {
    name: `splat projection, degree ${degree}`,
    kind: "differentiable",
    sample: (rng, size) => ({ camera: drawCamera(rng), ...drawSplats(rng, size, degree) }),
    forward: (gpu, input) => run(gpu, degree, input) as Promise<{ projected: Float32Array<ArrayBuffer> }>,
    reference: (input) => ({ projected: referenceProjection(input.camera, degree, input) }),
    differentiable: SPLAT_BUFFERS,
    // The two unused places have no gradient.
    seed: (rng, { means }) => ({
      projected: uniform(rng, means.length * 3).map((v, k) => k % 12 === 3 || k % 12 === 7 ? 0 : v),
    }),
    backward: (gpu, input, { projected }) =>
      run(gpu, degree, input, projected) as Promise<Record<Parameter, Float32Array<ArrayBuffer>>>,
    referenceBackward: (input, { projected }) => referenceProjectionBackward(input.camera, degree, input, projected),
    awayFromKinks: (input, margin) => awayFromKinks(input, degree, margin),
    tolerance: {
      projected: { absolute: 2e-5, relative: 2e-5 },
      means: { absolute: 2e-4, relative: 1e-4 },
      shapes: { absolute: 1e-4, relative: 1e-4 },
      rotations: { absolute: 1e-4, relative: 1e-4 },
      red: { absolute: 1e-6, relative: 1e-5 },
      green: { absolute: 1e-6, relative: 1e-5 },
      blue: { absolute: 1e-6, relative: 1e-5 },
    },
    poison: {
      forward: ["means", "shapes", "rotations", "red"],
      // The constant term passes nothing on.
      backward: ["means", "shapes", "rotations", ...(degree > 0 ? ["green"] : []), "projected"],
      group: (input, name, index) => Math.floor(index * (input["means"]!.length / 4) / lengthOf(input, name)),
    },
    limits: (input) => {
      const capacity = Math.max(1, input.means.length / 4);
      const memory = Object.entries(splatMemory({ capacity, degree }));
      return [
        ...memory.map(([name, bytes]) => ({ name, bytes })),
        ...memory.map(([name, bytes]) => ({ name: `${name} gradient`, bytes })),
        { name: "projected", bytes: projectedBytes(capacity) },
        { name: "projected gradient", bytes: projectedBytes(capacity) },
        { name: "camera", bytes: SPLAT_CAMERA_WORDS * 4, binding: false },
      ];
    },
    manyWorkgroups: { limit: 2, size: 150 },
  };
  return kernel as unknown as Kernel;
}

const lengthOf = (input: Numbers, name: string) =>
  name === "projected" ? input["means"]!.length * 3 : input[name]!.length;

/** Nothing near the plane behind which splats vanish, the clamped tangents, the clamped colour, or a quaternion of length 0. */
function awayFromKinks(input: Numbers<Name>, degree: number, margin: number): boolean {
  const c = input.camera;
  const projected = referenceProjection(c, degree, input);
  const unclamped = referenceProjection(c, degree, lifted(input));
  for (let i = 0; i < input.means.length / 4; i++) {
    const row = (k: number) =>
      [0, 1, 2].reduce((sum, a) => sum + c[4 * k + a]! * input.means[4 * i + a]!, c[4 * k + 3]!);
    const z = row(2);
    if (Math.abs(z - c[15]!) < 0.3) return false;
    if (z < c[15]!) continue;
    if ([0, 1].some((k) => Math.abs(Math.abs(row(k) / z) - c[20 + k]!) < 10 * margin)) return false;
    for (let k = 8; k < 11; k++) {
      if (projected[12 * i + k] === 0 && Math.abs(unclamped[12 * i + k]! - LIFT) < 10 * margin) return false;
      if (projected[12 * i + k] !== 0 && projected[12 * i + k]! < 10 * margin) return false;
    }
    if (Math.hypot(...[0, 1, 2, 3].map((k) => input.rotations[4 * i + k]!)) < 0.2) return false;
  }
  return true;
}

const LIFT = 10;
/** The same splats with colours raised so far that none is clamped. */
function lifted(input: Numbers<Name>): Numbers<Name> {
  const raise = (channel: ArrayLike<number>) => {
    const stride = channel.length / (input.means.length / 4);
    return Float64Array.from(channel, (v, k) => k % stride === 0 ? v + LIFT / 0.28209479177387814 : v);
  };
  return { ...input, red: raise(input.red), green: raise(input.green), blue: raise(input.blue) };
}

/** Records of the projection. */
export const projectionKernels: readonly Kernel[] = [record(0), record(1), record(2), record(3)];
