/**
 * `bricks`, the procedural scene: a still-house of studded toy bricks, sphere traced on the device into a Blender
 * folder. It has curved parts, thin parts and highlights that move with the view; it is ours, so pictures of it may be
 * published.
 *
 * Per view: straight-alpha RGBA PNG, float32 distance along the ray through the pixel's centre (0 where nothing is
 * hit) and world normals as .npy. The same options on the same driver give the same bytes.
 * @module
 */
import shader from "./bricks.wgsl" with { type: "text" };
import { MATERIALS } from "./_bricks_builder.ts";
import { brickParts } from "./_bricks_model.ts";
import { buildGrid, KIND, type Part, type PartGrid } from "./bricks_sdf.ts";
import { type Camera, focalFromAngle, lookAt } from "./camera.ts";
import { encodeNpy } from "./npy.ts";
import { encodePng } from "./png.ts";
import { type Split, SPLITS } from "./scene.ts";

/** What is needed of an open device: kernels' `Gpu` is one. Its `check`, where it has one, raises what went wrong. */
export interface Device {
  /** The device, with a listener for uncaptured errors. */
  readonly device: GPUDevice;
  /** Throws when the device has reported an error since the last call. */
  check?(): void;
}

/** What to render. */
export interface BricksOptions {
  /** Pixels along an edge of the square pictures, 1 to 4096. */
  readonly size: number;
  /** Views per split; at least one of `train`. */
  readonly views: Readonly<Record<Split, number>>;
  /** Sub-samples per direction, 1 to 16: 4 means 16 per pixel. Default 4. */
  readonly supersample?: number;
  /** Chooses the training and validation cameras. Default 0. */
  readonly seed?: number;
}

/** One rendered picture. */
export interface BricksPicture {
  /** H * W * 4, straight alpha. */
  readonly rgba: Uint8Array<ArrayBuffer>;
  /** H * W distances along the ray through the pixel's centre; 0 where nothing is hit. */
  readonly depth: Float32Array<ArrayBuffer>;
  /** H * W * 3 unit world normals; 0, 0, 0 where nothing is hit. */
  readonly normal: Float32Array<ArrayBuffer>;
}

/** Field of view of NeRF-synthetic's cameras, radians. */
export const BRICKS_ANGLE = 0.6911112070083618;
/** Distance of the cameras from the origin, as in NeRF-synthetic. */
export const BRICKS_RADIUS = 4.031;
/** The toy lies inside [-BRICKS_EXTENT, BRICKS_EXTENT] on every axis. */
export const BRICKS_EXTENT = 1;

/** Cells along an edge of the grid of parts. */
const CELLS = 64;
/** Most steps of one ray: only rays that graze a surface come near it. */
const STEPS = 256;
/** Rays per dispatch: well below a second on two CPU cores. */
const RAYS_PER_DISPATCH = 2 ** 18;
/** Pixels per read-back: 20 bytes each. */
const PIXELS_PER_BATCH = 2 ** 18;
const WORKGROUP = 64;

let cache: { parts: Part[]; grid: PartGrid } | undefined;

/** The parts of the toy and their grid. */
export function bricksGeometry(): { readonly parts: readonly Part[]; readonly grid: PartGrid } {
  if (!cache) {
    const parts = brickParts();
    cache = { parts, grid: buildGrid(parts, CELLS, BRICKS_EXTENT) };
  }
  return cache;
}

/**
 * The cameras of a split: on the upper hemisphere, looking at the origin. Training and validation cameras are the
 * low-discrepancy sequence R2 (Roberts 2018) from a start that the seed chooses; test cameras are an even spiral
 * (Fibonacci), the same for every seed.
 */
export function bricksCameras(split: Split, count: number, size: number, seed = 0): Camera[] {
  const focal = focalFromAngle(size, BRICKS_ANGLE);
  const start = split === "test" ? 0 : pcg(pcg(seed >>> 0) + (split === "train" ? 1 : 2));
  return Array.from({ length: count }, (_, n) => {
    const [u, v] = split === "test"
      ? [(n * 0.6180339887498949 + 0.35) % 1, (n + 0.5) / count]
      : [(start / 2 ** 32 + n * 0.7548776662466927) % 1, (pcg(start) / 2 ** 32 + n * 0.5698402909980532) % 1];
    // Equal areas: the height is uniform, from 4 degrees above the ground to 75.
    const z = 0.07 + 0.9 * v;
    const r = Math.sqrt(1 - z * z);
    const angle = 2 * Math.PI * u;
    const eye = [r * Math.cos(angle), r * Math.sin(angle), z].map((x) => x * BRICKS_RADIUS);
    return {
      width: size,
      height: size,
      fx: focal,
      fy: focal,
      cx: size / 2,
      cy: size / 2,
      cameraToWorld: lookAt(eye as [number, number, number], [0, 0, 0]),
    };
  });
}

/** The camera of the picture that introduces the toy: the still in front, the house behind. */
export function bricksPortrait(size: number): Camera {
  const [across, up] = [-52 * Math.PI / 180, 24 * Math.PI / 180];
  const eye = [Math.cos(across) * Math.cos(up), Math.sin(across) * Math.cos(up), Math.sin(up)] as const;
  const place = eye.map((x) => x * BRICKS_RADIUS) as [number, number, number];
  return { ...bricksCameras("test", 1, size)[0]!, cameraToWorld: lookAt(place, [0, 0, 0]) };
}

/**
 * Renders the scene into a Blender folder that `openBlender` reads.
 *
 * @param gpu an open device with an error listener
 * @param folder created where missing; files of the same names are overwritten
 * @param onProgress called after each batch with the number of finished and of all views
 * @throws RangeError for options outside their range; Error when the device reports one
 */
export async function renderBricks(
  gpu: Device,
  options: BricksOptions,
  folder: string,
  onProgress?: (done: number, total: number) => void,
): Promise<void> {
  const { size, views, seed = 0 } = options;
  if (!(views.train >= 1)) throw new RangeError(`Expected at least one training view, found ${views.train}`);
  const total = SPLITS.reduce((sum, split) => sum + views[split], 0);
  let done = 0;
  for (const split of SPLITS) {
    await Deno.mkdir(`${folder}/${split}`, { recursive: true });
    const cameras = bricksCameras(split, views[split], size, seed);
    const frames: unknown[] = [];
    for await (const picture of renderPictures(gpu, cameras, options.supersample)) {
      const base = `${split}/r_${frames.length}`;
      await Promise.all([
        Deno.writeFile(
          `${folder}/${base}.png`,
          encodePng({ width: size, height: size, channels: 4, data: picture.rgba }),
        ),
        Deno.writeFile(`${folder}/${base}_depth.npy`, encodeNpy({ shape: [size, size], data: picture.depth })),
        Deno.writeFile(`${folder}/${base}_normal.npy`, encodeNpy({ shape: [size, size, 3], data: picture.normal })),
      ]);
      const m = cameras[frames.length]!.cameraToWorld;
      frames.push({
        file_path: `./${base}`,
        depth_file_path: `./${base}_depth.npy`,
        normal_file_path: `./${base}_normal.npy`,
        transform_matrix: [0, 4, 8, 12].map((row) => [...m.subarray(row, row + 4)]),
      });
      onProgress?.(++done, total);
    }
    const e = BRICKS_EXTENT;
    const json = { camera_angle_x: BRICKS_ANGLE, near: 2, far: 6, aabb: [[-e, -e, -e], [e, e, e]], frames };
    await Deno.writeTextFile(`${folder}/transforms_${split}.json`, JSON.stringify(json, null, 1) + "\n");
  }
}

/**
 * Renders the views of cameras that share one size and focal length and have square pixels and a central principal
 * point, in order.
 *
 * @throws RangeError when they do not, or `supersample` is outside 1 to 16; Error when the device reports one
 */
export async function* renderPictures(
  gpu: Device,
  cameras: readonly Camera[],
  supersample = 4,
): AsyncGenerator<BricksPicture> {
  const first = cameras[0];
  if (!first) return;
  checkCameras(cameras, first, supersample);
  const { width, height } = first;
  const pixels = width * height;
  const batch = Math.max(1, Math.min(cameras.length, Math.floor(PIXELS_PER_BATCH / pixels)));
  const tracer = await openTracer(gpu.device, "render", batch, batch * pixels);
  try {
    for (let at = 0; at < cameras.length; at += batch) {
      const some = cameras.slice(at, at + batch);
      tracer.setRows(some.map(({ cameraToWorld: m }) => [0, 1, 2, 3].map((c) => [m[c]!, m[4 + c]!, m[8 + c]!])).flat());
      const count = some.length * pixels;
      const step = Math.max(WORKGROUP, Math.floor(RAYS_PER_DISPATCH / supersample ** 2 / WORKGROUP) * WORKGROUP);
      for (let begin = 0; begin < count; begin += step) {
        const end = Math.min(count, begin + step);
        tracer.dispatch({ width, height, begin, end, supersample, focal: first.fx, points: 0 }, end - begin);
      }
      const { colours, surfaces } = await tracer.read(count);
      gpu.check?.();
      for (let view = 0; view < some.length; view++) yield unpack(colours, surfaces, view * pixels, pixels);
    }
  } finally {
    tracer.close();
  }
}

/** What the shader's distance function gives at points (x, y, z triples): distance and nearest part. For tests. */
export async function probeBricks(
  gpu: Device,
  points: Float32Array,
): Promise<{ distance: Float32Array; part: Uint32Array }> {
  const count = points.length / 3;
  const tracer = await openTracer(gpu.device, "probe", Math.ceil(count / 4), count);
  try {
    tracer.setRows(Array.from({ length: count }, (_, i) => [...points.subarray(3 * i, 3 * i + 3)]));
    tracer.dispatch({ width: 1, height: 1, begin: 0, end: 0, supersample: 1, focal: 1, points: count }, count);
    const { surfaces } = await tracer.read(count);
    gpu.check?.();
    return {
      distance: Float32Array.from({ length: count }, (_, i) => surfaces[4 * i]!),
      part: Uint32Array.from({ length: count }, (_, i) => surfaces[4 * i + 1]!),
    };
  } finally {
    tracer.close();
  }
}

interface Settings {
  width: number;
  height: number;
  begin: number;
  end: number;
  supersample: number;
  focal: number;
  points: number;
}

/** The pipeline with its buffers, for `views` cameras and `pixels` results. */
async function openTracer(device: GPUDevice, entryPoint: "render" | "probe", views: number, pixels: number) {
  const { parts, grid } = bricksGeometry();
  const kinds = Object.entries(KIND).map(([name, value]) => `const KIND_${name.toUpperCase()} = ${value}u;`).join("\n");
  device.pushErrorScope("validation");
  const module = device.createShaderModule({ label: "bricks", code: `${kinds}\n${shader}` });
  const storage = (access: GPUBufferBindingType, binding: number) => ({
    binding,
    visibility: GPUShaderStage.COMPUTE,
    buffer: { type: access },
  });
  const layout = device.createBindGroupLayout({
    entries: [
      storage("uniform", 0),
      ...[1, 2, 3, 4, 5].map((binding) => storage("read-only-storage", binding)),
      ...[6, 7].map((binding) => storage("storage", binding)),
    ],
  });
  const pipeline = device.createComputePipeline({
    label: `bricks ${entryPoint}`,
    layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
    compute: { module, entryPoint },
  });
  const buffers: GPUBuffer[] = [];
  const make = (size: number, usage: GPUBufferUsageFlags, data?: ArrayBuffer): GPUBuffer => {
    const buffer = device.createBuffer({ size: Math.max(size, 16), usage: usage | GPUBufferUsage.COPY_DST });
    if (data) device.queue.writeBuffer(buffer, 0, data);
    buffers.push(buffer);
    return buffer;
  };
  const constant = (data: ArrayBuffer) => make(data.byteLength, GPUBufferUsage.STORAGE, data);
  const settings = make(48, GPUBufferUsage.UNIFORM);
  const cameras = make(views * 64, GPUBufferUsage.STORAGE);
  const colours = make(pixels * 4, GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC);
  const surfaces = make(pixels * 16, GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC);
  const back = device.createBuffer({ size: pixels * 20, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  buffers.push(back);
  const bound = [
    settings,
    constant(packParts(parts)),
    constant(packCells(grid)),
    constant(grid.list.buffer),
    constant(packMaterials()),
    cameras,
    colours,
    surfaces,
  ];
  const group = device.createBindGroup({
    layout,
    entries: bound.map((buffer, binding) => ({ binding, resource: { buffer } })),
  });
  const problem = await device.popErrorScope();
  const close = () => {
    for (const buffer of buffers) buffer.destroy();
  };
  if (problem) {
    close();
    throw new Error(`The device refused the shader of the procedural scene: ${problem.message}`);
  }
  return {
    close,
    setRows(rows: readonly (readonly number[])[]): void {
      const data = new Float32Array(rows.length * 4);
      for (const [i, row] of rows.entries()) data.set(row, 4 * i);
      device.queue.writeBuffer(cameras, 0, data);
    },
    dispatch(s: Settings, threads: number): void {
      const words = new Uint32Array(12);
      words.set([s.width, s.height, s.begin, s.end, s.supersample, grid.cells, STEPS, 4]);
      new Float32Array(words.buffer).set([grid.extent, s.focal], 8);
      words[10] = s.points;
      device.queue.writeBuffer(settings, 0, words);
      const encoder = device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(Math.ceil(threads / WORKGROUP));
      pass.end();
      device.queue.submit([encoder.finish()]);
    },
    async read(count: number): Promise<{ colours: Uint8Array<ArrayBuffer>; surfaces: Float32Array<ArrayBuffer> }> {
      const encoder = device.createCommandEncoder();
      encoder.copyBufferToBuffer(colours, 0, back, 0, count * 4);
      encoder.copyBufferToBuffer(surfaces, 0, back, pixels * 4, count * 16);
      device.queue.submit([encoder.finish()]);
      await back.mapAsync(GPUMapMode.READ);
      const copy = back.getMappedRange().slice(0);
      back.unmap();
      return {
        colours: new Uint8Array(copy, 0, count * 4),
        surfaces: new Float32Array(copy, pixels * 4, count * 4),
      };
    },
  };
}

function unpack(colours: Uint8Array, surfaces: Float32Array, from: number, pixels: number): BricksPicture {
  const depth = new Float32Array(pixels);
  const normal = new Float32Array(pixels * 3);
  for (let i = 0; i < pixels; i++) {
    const at = 4 * (from + i);
    depth[i] = surfaces[at]!;
    for (let axis = 0; axis < 3; axis++) normal[3 * i + axis] = surfaces[at + 1 + axis]!;
  }
  return { rgba: colours.slice(4 * from, 4 * (from + pixels)) as Uint8Array<ArrayBuffer>, depth, normal };
}

function checkCameras(cameras: readonly Camera[], first: Camera, supersample: number): void {
  if (!Number.isInteger(supersample) || supersample < 1 || supersample > 16) {
    throw new RangeError(`Expected supersample from 1 to 16, found ${supersample}`);
  }
  const { width, height } = first;
  for (const edge of [width, height]) {
    if (!Number.isInteger(edge) || edge < 1 || edge > 4096) {
      throw new RangeError(`Expected pictures of 1 to 4096 pixels along an edge, found ${width} x ${height}`);
    }
  }
  for (const c of cameras) {
    const same = c.width === width && c.height === height && c.fx === first.fx && c.fy === first.fx;
    if (!same || c.cx !== width / 2 || c.cy !== height / 2) {
      throw new RangeError("Expected cameras of one size and focal length with a central principal point");
    }
  }
}

function packParts(parts: readonly Part[]): ArrayBuffer {
  const words = new Float32Array(parts.length * 16);
  const bits = new Uint32Array(words.buffer);
  for (const [i, part] of parts.entries()) {
    words.set([...part.centre, 0, ...part.turn, ...part.size, part.round, ...part.extra, 0], 16 * i);
    bits[16 * i + 3] = KIND[part.kind] + 256 * part.material;
  }
  return words.buffer;
}

function packCells(grid: PartGrid): ArrayBuffer {
  const words = new Uint32Array(grid.range.length * 2);
  const bits = new Uint32Array(grid.distance.buffer);
  for (let i = 0; i < grid.range.length; i++) {
    words[2 * i] = bits[i]!;
    words[2 * i + 1] = grid.range[i]!;
  }
  return words.buffer;
}

function packMaterials(): ArrayBuffer {
  const words = new Float32Array(MATERIALS.length * 8);
  for (const [i, m] of MATERIALS.entries()) words.set([...m.colour, m.roughness, m.metal ? 1 : 0, m.glow], 8 * i);
  return words.buffer;
}

/** PCG hash (RXS-M-XS, O'Neill 2014): one well mixed 32-bit word per word. */
function pcg(value: number): number {
  const state = (Math.imul(value, 747796405) + 2891336453) >>> 0;
  const word = Math.imul((state >>> ((state >>> 28) + 4)) ^ state, 277803737) >>> 0;
  return ((word >>> 22) ^ word) >>> 0;
}
