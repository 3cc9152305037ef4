/**
 * The only place that creates a GPU device: it installs the listener without which every validation error is silent,
 * counts every buffer, and knows how to split a dispatch that is too large for one dimension.
 *
 * @module
 */
import { type AdapterFingerprint, fingerprintOf, limitsOf, requestAdapter } from "./adapter.ts";
import { checkPlan, DeviceLimitError, mib, type PlannedBuffer } from "./memory_plan.ts";

/** Bytes of all live buffers of one device, and the largest sum seen. */
export interface MemoryCount {
  /** Bytes of the buffers that live now. */
  readonly liveBytes: number;
  /** Largest sum since the last reset. */
  readonly peakBytes: number;
  /** Begins a new peak with what lives now. */
  resetPeak(): void;
}

/** One prepared dispatch: encode it as often as wanted. */
export interface Op {
  /** Name for messages and timings. */
  readonly label: string;
  /** The compiled shader. */
  readonly pipeline: GPUComputePipeline;
  /** Its buffers. */
  readonly bindGroup: GPUBindGroup;
  /** Workgroups in x, y, z; or a buffer that holds them (3 x u32). */
  readonly groups: readonly [number, number, number] | { readonly buffer: GPUBuffer; readonly offset: number };
}

/** A buffer, or a part of one (offset must be a multiple of 256 bytes). */
export type Binding = GPUBuffer | { readonly buffer: GPUBuffer; readonly offset: number; readonly size: number };

/** The kinds of flat array that live on the device. */
export type DeviceArray = Float32Array | Uint32Array | Int32Array;

/** Storage buffers per stage that the kernels count on; WebGPU guarantees 8, every native driver offers more. */
export const STORAGE_BUFFERS_NEEDED = 10;

/**
 * Opens a device with the adapter's own limits.
 *
 * @throws {Error} When there is no adapter.
 */
export async function openGpu(): Promise<Gpu> {
  const adapter = await requestAdapter();
  const limits = limitsOf(adapter.limits);
  const features = (["timestamp-query"] as GPUFeatureName[]).filter((f) => adapter.features.has(f));
  const device = await adapter.requestDevice({ requiredLimits: limits, requiredFeatures: features });
  return new Gpu(device, fingerprintOf(adapter));
}

/** Whether buffers made by {@linkcode Gpu.buffer} start as zero (default) or as NaN, which tests use to find values never written. */
export type Fill = "zero" | "poison";

/** An open device with its buffers counted and its errors heard. */
export class Gpu {
  /** The WebGPU device itself. */
  readonly device: GPUDevice;
  /** What it runs on. */
  readonly adapter: AdapterFingerprint;
  /** Largest number of workgroups per dimension; tests inject a small one to exercise the splitting. */
  maxWorkgroupsPerDimension: number;
  /** How new buffers are filled. */
  fill: Fill = "zero";
  #live = 0;
  #peak = 0;
  #errors: string[] = [];
  #pipelines = new Map<string, Promise<GPUComputePipeline>>();
  #lost: string | undefined;
  /** Bytes of its buffers. */
  readonly memory: MemoryCount;

  /** Wraps a device and listens for its errors; {@linkcode openGpu} is how to get one. */
  constructor(device: GPUDevice, adapter: AdapterFingerprint) {
    this.device = device;
    this.adapter = adapter;
    this.maxWorkgroupsPerDimension = Math.min(65535, device.limits.maxComputeWorkgroupsPerDimension);
    device.addEventListener("uncapturederror", (event) => {
      this.#errors.push((event as GPUUncapturedErrorEvent).error.message);
    });
    device.lost.then((info) => {
      this.#lost = `The GPU device was lost: ${info.message || info.reason}`;
    });
    const count = { live: () => this.#live, peak: () => this.#peak, reset: () => (this.#peak = this.#live) };
    this.memory = {
      get liveBytes() {
        return count.live();
      },
      get peakBytes() {
        return count.peak();
      },
      resetPeak() {
        count.reset();
      },
    };
  }

  /** True for Mesa's CPU driver: some kernels come in a variant that suits 8-wide vectors on few cores better. */
  get isSoftware(): boolean {
    return /llvmpipe|lavapipe|swiftshader/i.test(this.adapter.description);
  }

  /** True when kernels can be timed on the device. */
  get hasTimestamps(): boolean {
    return this.device.features.has("timestamp-query");
  }

  /**
   * Creates a counted buffer of `bytes` (rounded up to 16), usable as storage, copy source and copy destination.
   *
   * @throws {DeviceLimitError} When it exceeds the device's buffer limit.
   */
  buffer(label: string, bytes: number, usage = 0): GPUBuffer {
    const size = Math.max(16, Math.ceil(bytes / 16) * 16);
    if (size > this.device.limits.maxBufferSize) {
      throw new DeviceLimitError(
        `Buffer "${label}" needs ${mib(size)} MiB, but this device allows ${
          mib(this.device.limits.maxBufferSize)
        } MiB per buffer`,
      );
    }
    const buffer = this.device.createBuffer({
      label,
      size,
      usage: usage | GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
    });
    this.#live += size;
    this.#peak = Math.max(this.#peak, this.#live);
    if (this.fill === "poison") this.device.queue.writeBuffer(buffer, 0, new Uint32Array(size / 4).fill(0x7fc0dead));
    return buffer;
  }

  /** Creates a buffer that holds `data`; with `usage` e.g. `GPUBufferUsage.UNIFORM`. */
  upload(label: string, data: DeviceArray, usage = 0): GPUBuffer {
    const buffer = this.buffer(label, data.byteLength, usage);
    this.write(buffer, data);
    return buffer;
  }

  /** Writes `data` at `offset` bytes. */
  write(buffer: GPUBuffer, data: DeviceArray, offset = 0): void {
    if (data.byteLength > 0) {
      this.device.queue.writeBuffer(buffer, offset, data as DeviceArray & { buffer: ArrayBuffer });
    }
  }

  /** Destroys buffers at once: nothing else frees them in time. */
  free(...buffers: readonly (GPUBuffer | undefined)[]): void {
    for (const buffer of buffers) {
      if (!buffer) continue;
      this.#live -= buffer.size;
      buffer.destroy();
    }
  }

  /**
   * Compiles a compute shader (cached by its text).
   *
   * @throws {SyntaxError} With line and column when the WGSL is wrong.
   */
  pipeline(label: string, code: string, entryPoint = "main"): Promise<GPUComputePipeline> {
    const key = `${entryPoint}\n${code}`;
    const known = this.#pipelines.get(key);
    if (known) return known;
    // Kept before it is ready: callers that ask for the same shader at once must not compile it each.
    const made = this.#compile(label, code, entryPoint);
    this.#pipelines.set(key, made);
    made.catch(() => this.#pipelines.delete(key));
    return made;
  }

  async #compile(label: string, code: string, entryPoint: string): Promise<GPUComputePipeline> {
    this.device.pushErrorScope("validation");
    const module = this.device.createShaderModule({ label, code });
    const info = await module.getCompilationInfo();
    const errors = info.messages.filter((m) => m.type === "error");
    if (errors.length > 0) {
      await this.device.popErrorScope();
      const lines = code.split("\n");
      throw new SyntaxError(
        errors.map((m) => `${label}.wgsl:${m.lineNum}:${m.linePos}: ${m.message}\n  ${lines[m.lineNum - 1] ?? ""}`)
          .join("\n"),
      );
    }
    const pipeline = this.device.createComputePipeline({ label, layout: "auto", compute: { module, entryPoint } });
    const error = await this.device.popErrorScope();
    if (error) throw new SyntaxError(`${label}: ${error.message}`);
    return pipeline;
  }

  /**
   * Prepares a dispatch: `bindings[i]` goes to `@group(0) @binding(i)`, `threads` are rounded up to whole workgroups and
   * split over x and z where one dimension is not enough (the shader's `linear_index` undoes it); `y` workgroups are kept.
   */
  async op(
    label: string,
    code: string,
    bindings: readonly Binding[],
    size: { threads: number; workgroup: number; y?: number } | { indirect: GPUBuffer; offset?: number },
    entryPoint = "main",
  ): Promise<Op> {
    const pipeline = await this.pipeline(label, code, entryPoint);
    this.device.pushErrorScope("validation");
    const bindGroup = this.device.createBindGroup({
      label,
      layout: pipeline.getBindGroupLayout(0),
      entries: bindings.map((b, binding) => ({
        binding,
        resource: "usage" in b ? { buffer: b } : { buffer: b.buffer, offset: b.offset, size: b.size },
      })),
    });
    const error = await this.device.popErrorScope();
    if (error) throw new Error(`${label}: cannot bind: ${error.message}`);
    if ("indirect" in size) {
      return { label, pipeline, bindGroup, groups: { buffer: size.indirect, offset: size.offset ?? 0 } };
    }
    return { label, pipeline, bindGroup, groups: this.split(Math.ceil(size.threads / size.workgroup), size.y ?? 1) };
  }

  /**
   * Splits a number of workgroups over x and z, `y` untouched.
   *
   * @throws {RangeError} When even both dimensions together are too small.
   */
  split(groups: number, y = 1): readonly [number, number, number] {
    const max = this.maxWorkgroupsPerDimension;
    const z = Math.max(1, Math.ceil(groups / max));
    if (z > max || y > max) {
      throw new RangeError(`A dispatch of ${groups} x ${y} workgroups exceeds ${max} per dimension`);
    }
    return [Math.ceil(groups / z), y, z];
  }

  /** Encodes ops into one compute pass and submits it. */
  submit(ops: readonly Op[]): void {
    const encoder = this.device.createCommandEncoder();
    this.encode(encoder, ops);
    this.device.queue.submit([encoder.finish()]);
  }

  /** Encodes ops, in order, into one compute pass of `encoder`. */
  encode(encoder: GPUCommandEncoder, ops: readonly Op[]): void {
    const pass = encoder.beginComputePass();
    for (const op of ops) dispatch(pass, op);
    pass.end();
  }

  /** Compiles ops for real (drivers do it at first dispatch) by dispatching no work. */
  async prewarm(ops: readonly Op[]): Promise<void> {
    const encoder = this.device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    for (const op of ops) {
      pass.setPipeline(op.pipeline);
      pass.setBindGroup(0, op.bindGroup);
      pass.dispatchWorkgroups(0);
    }
    pass.end();
    this.device.queue.submit([encoder.finish()]);
    await this.done();
  }

  /** Waits for everything submitted (about 11 ms, and it blocks the event loop), then raises what went wrong meanwhile. */
  async done(): Promise<void> {
    await this.device.queue.onSubmittedWorkDone();
    this.check();
  }

  /**
   * Raises validation errors and a lost device.
   *
   * @throws {Error} With every message heard since the last call.
   */
  check(): void {
    if (this.#lost) throw new Error(this.#lost);
    if (this.#errors.length > 0) {
      const text = this.#errors.splice(0).join("\n");
      throw new Error(`The GPU refused some work: ${text}`);
    }
  }

  /** Reads `bytes` of a buffer from `offset`; waits for all work before it. */
  async read(buffer: GPUBuffer, bytes = buffer.size, offset = 0): Promise<ArrayBuffer> {
    if (bytes === 0) return new ArrayBuffer(0);
    const size = Math.ceil(bytes / 4) * 4;
    const staging = this.device.createBuffer({ size, usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ });
    const encoder = this.device.createCommandEncoder();
    encoder.copyBufferToBuffer(buffer, offset, staging, 0, size);
    this.device.queue.submit([encoder.finish()]);
    await staging.mapAsync(GPUMapMode.READ);
    const copy = staging.getMappedRange().slice(0, bytes);
    staging.unmap();
    staging.destroy();
    this.check();
    return copy;
  }

  /** Reads the first `words` 4-byte words of several buffers with one wait. */
  async readAll(...parts: readonly (readonly [buffer: GPUBuffer, words: number])[]): Promise<ArrayBuffer[]> {
    const total = parts.reduce((sum, [, words]) => sum + words, 0);
    if (total === 0) {
      await this.done();
      return parts.map(() => new ArrayBuffer(0));
    }
    const staging = this.device.createBuffer({
      size: total * 4,
      usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ,
    });
    const encoder = this.device.createCommandEncoder();
    let at = 0;
    for (const [buffer, words] of parts) {
      if (words > 0) encoder.copyBufferToBuffer(buffer, 0, staging, at * 4, words * 4);
      at += words;
    }
    this.device.queue.submit([encoder.finish()]);
    await staging.mapAsync(GPUMapMode.READ);
    const all = staging.getMappedRange().slice(0);
    staging.unmap();
    staging.destroy();
    this.check();
    at = 0;
    return parts.map(([, words]) => all.slice(at * 4, (at += words) * 4));
  }

  /** Reads `count` floats (default: all). */
  async readFloats(buffer: GPUBuffer, count = buffer.size / 4, offset = 0): Promise<Float32Array<ArrayBuffer>> {
    return new Float32Array(await this.read(buffer, count * 4, offset * 4));
  }

  /**
   * Says in one sentence why a memory plan does not fit this device; undefined when it does.
   */
  checkPlan(plan: readonly PlannedBuffer[]): string | undefined {
    return checkPlan(plan, this.adapter.limits);
  }

  /** Milliseconds each op takes on the device: median over `repeats` timestamped runs, in the order given. */
  async time(ops: readonly Op[], repeats = 5): Promise<number[]> {
    if (!this.hasTimestamps) throw new Error("This adapter has no timestamp queries, so kernels cannot be timed on it");
    const count = ops.length * 2;
    const queries = this.device.createQuerySet({ type: "timestamp", count });
    const resolved = this.buffer("timestamps", count * 8, GPUBufferUsage.QUERY_RESOLVE);
    const times: number[][] = ops.map(() => []);
    for (let r = 0; r < repeats + 1; r++) {
      const encoder = this.device.createCommandEncoder();
      for (const [i, op] of ops.entries()) {
        const pass = encoder.beginComputePass({
          timestampWrites: { querySet: queries, beginningOfPassWriteIndex: 2 * i, endOfPassWriteIndex: 2 * i + 1 },
        });
        dispatch(pass, op);
        pass.end();
      }
      encoder.resolveQuerySet(queries, 0, count, resolved, 0);
      this.device.queue.submit([encoder.finish()]);
      const stamps = new BigUint64Array(await this.read(resolved, count * 8));
      if (r > 0) { for (const i of ops.keys()) times[i]!.push(Number(stamps[2 * i + 1]! - stamps[2 * i]!) / 1e6); }
    }
    this.free(resolved);
    return times.map((t) => t.sort((a, b) => a - b)[t.length >> 1]!);
  }
}

function dispatch(pass: GPUComputePassEncoder, op: Op): void {
  pass.setPipeline(op.pipeline);
  pass.setBindGroup(0, op.bindGroup);
  if ("buffer" in op.groups) pass.dispatchWorkgroupsIndirect(op.groups.buffer, op.groups.offset);
  else if (op.groups[0] > 0) pass.dispatchWorkgroups(...op.groups);
}

/** WGSL that every kernel starts with: the linear thread index of a dispatch split by {@linkcode Gpu.split}. */
export const LINEAR_INDEX = /* wgsl */ `
fn linear_index(global_id: vec3u, workgroups: vec3u, workgroup_size: u32) -> u32 {
  return global_id.x + global_id.z * workgroups.x * workgroup_size;
}
`;
