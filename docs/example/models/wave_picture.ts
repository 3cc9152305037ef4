/**
 * A picture made of waves: its parameters, how they are drawn at the start, and a trainer that composes the waves kernel with
 * Stillroom's loss and Adam. A model knows no stages, seeds of runs or checkpoints: it gives its state and takes it back.
 *
 * @module
 */
import {
  ADAM_UNIFORM_BYTES,
  adamOps,
  adamWords,
  type Gpu,
  link,
  LOSS_WGSL,
  lossConstants,
  type Op,
  type Pcg,
} from "stillroom/kit";
import { backwardOp, renderOp, WAVE_FLOATS } from "../kernels/waves.ts";
import residual from "./residual.wgsl" with { type: "text" };

/** Waves of the start: frequencies normal with deviation `spread` (cycles per picture), any phase, faint colours. */
export function drawWaves(rng: Pcg, waves: number, spread: number): Float32Array {
  return Float32Array.from({ length: waves * WAVE_FLOATS }, (_, i) => {
    const place = i % WAVE_FLOATS;
    if (place < 2) return i < WAVE_FLOATS ? 0 : spread * rng.normal(); // the first wave is the mean colour
    return place === 2 ? (i < WAVE_FLOATS ? 0 : rng.uniform()) : place === 3 || place === 7 ? 0 : 0.01 * rng.normal();
  });
}

/** What a checkpoint holds. */
export type WaveState = Record<"waves" | "first" | "second", Float32Array>;

/** Trains waves on some pixels, or renders them. */
export class WavePicture {
  readonly #gpu: Gpu;
  readonly #pixels: number;
  readonly #buffers: Record<
    "counts" | "rates" | "positions" | "targets" | "waves" | "colours" | "gradient" | "first" | "second",
    GPUBuffer
  >;
  #render: readonly Op[] = [];
  #step: readonly Op[] = [];

  private constructor(gpu: Gpu, waves: Float32Array, positions: Float32Array, targets: Float32Array) {
    this.#gpu = gpu;
    this.#pixels = positions.length / 2;
    this.#buffers = {
      counts: gpu.upload("counts", new Uint32Array([this.#pixels, waves.length / WAVE_FLOATS]), GPUBufferUsage.UNIFORM),
      rates: gpu.buffer("rates", ADAM_UNIFORM_BYTES, GPUBufferUsage.UNIFORM),
      positions: gpu.upload("positions", positions),
      targets: gpu.upload("targets", targets),
      waves: gpu.upload("waves", waves),
      colours: gpu.buffer("colours", this.#pixels * 16),
      gradient: gpu.buffer("gradient", waves.byteLength),
      first: gpu.buffer("first moment", waves.byteLength),
      second: gpu.buffer("second moment", waves.byteLength),
    };
  }

  /**
   * Uploads waves and pixels.
   *
   * @param positions x and y per pixel, in pictures
   * @param targets red, green, blue, 0 per pixel
   * @param places rate of frequencies and phases, as a share of that of the colours
   */
  static async create(
    gpu: Gpu,
    waves: Float32Array,
    positions: Float32Array,
    targets: Float32Array,
    places = 0.3,
  ): Promise<WavePicture> {
    const made = new WavePicture(gpu, waves, positions, targets), b = made.#buffers, count = waves.length;
    const loss = link({ WG: 64, ...lossConstants({ kind: "l2", delta: 1 }) }, LOSS_WGSL, residual);
    const rateScales = [places, places, places, 0, 1, 1, 1, 0];
    const adam = { parameters: b.waves, gradient: b.gradient, firstMoment: b.first, secondMoment: b.second };
    made.#render = [await renderOp(gpu, made.#pixels, b)];
    made.#step = [
      ...made.#render,
      await gpu.op("residual", loss, [b.counts, b.targets, b.colours], { threads: made.#pixels, workgroup: 64 }),
      await backwardOp(gpu, count / WAVE_FLOATS, b, b.colours, b.gradient),
      ...await adamOps(gpu, { count, fixedPoint: false, sparse: false, ema: false, rateScales }, adam, [b.rates]),
    ];
    await gpu.prewarm(made.#step);
    return made;
  }

  /** One step of Adam; does not wait. `step` counts from 1. */
  train(step: number, rate: number): void {
    const rates = { rate, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, l2: 0, emaDecay: 0, gradientScale: 1, step };
    this.#gpu.write(this.#buffers.rates, adamWords(rates));
    this.#gpu.submit(this.#step);
  }

  /** Red, green, blue, 0 of every pixel. */
  async render(): Promise<Float32Array> {
    this.#gpu.submit(this.#render);
    return await this.#gpu.readFloats(this.#buffers.colours, 4 * this.#pixels);
  }

  /** Reads what training goes on from. */
  async state(): Promise<WaveState> {
    const { waves, first, second } = this.#buffers;
    const [w, m, v] = await this.#gpu.readAll(...[waves, first, second].map((b) => [b, b.size / 4] as const));
    return { waves: new Float32Array(w!), first: new Float32Array(m!), second: new Float32Array(v!) };
  }

  /** Sets it, as {@linkcode state} gave it. */
  restore(state: Readonly<Record<string, Float32Array | Uint32Array | Int32Array>>): void {
    for (const name of ["waves", "first", "second"] as const) this.#gpu.write(this.#buffers[name], state[name]!);
  }

  /** Gives the device's memory back. */
  free(): void {
    this.#gpu.free(...Object.values(this.#buffers));
  }
}
