/** What the runner must know of the machine. `cli/` builds it from `kernels/`; a test gives its own. */

/** One buffer that a stage will want. */
export interface MemoryItem {
  /** What it holds. */
  readonly name: string;
  /** Its size in bytes. */
  readonly bytes: number;
  /** False when it is never bound to a shader, so that the binding limit does not count; true when left out. */
  readonly binding?: boolean;
}

/** Names the device that results depend on. */
export interface Fingerprint {
  /** The adapter's own words. */
  readonly description: string;
  /** Who made it. */
  readonly vendor: string;
  /** Which device it is. */
  readonly device: string;
  /** Vulkan, Metal, D3D12 or OpenGL. */
  readonly backend: string;
  /** Driver and version, where one can be had. */
  readonly driver?: string;
  /** WebGPU limits by name. */
  readonly limits: Readonly<Record<string, number>>;
}

/** Why a device is of no use any more. */
export interface DeviceLoss {
  /** The driver's words. */
  readonly reason: string;
  /** True when it had run out of memory before: the same work would do so again. */
  readonly outOfMemory: boolean;
}

/** An open device, as the worker holds it. */
export interface OpenDevice {
  /** What stages get as `context.device`. */
  readonly device: unknown;
  /** Names it: a stage is not run on another device than its key says. Left out where that cannot be told. */
  readonly adapter?: Fingerprint;
  /** Resolves when it is lost; never rejects. */
  readonly lost: Promise<DeviceLoss>;
  /** Uses it a little, so that a loss comes out: drivers tell only when they are asked. Called after a failure. */
  probe(): void;
  /** Largest number of bytes in buffers since the last reset. */
  peakBytes(): number;
  /** Forgets the largest number. */
  resetPeak(): void;
}

/** What a meter read while a stage ran; undefined where nothing could be read. */
export interface MeterReading {
  /** Energy of the device that computes, in joules, by everything that ran on it. */
  readonly energyJoules?: number;
  /** Its mean power over the stage, in watts. */
  readonly meanWatts?: number;
  /** Largest memory in use seen, in bytes: of the whole device, or of this process where `source` says so. */
  readonly gpuDriverPeakBytes?: number;
  /** Where the numbers come from: `nvidia-smi`, `rapl:package-0`, `hwmon:amdgpu`; only with at least one of them. */
  readonly source?: string;
}

/** Measures one stage at a time. */
export interface Meter {
  /** Begins a stage. */
  start(): void | Promise<void>;
  /** Ends it. */
  stop(): Promise<MeterReading>;
  /** Stops sampling and the program that samples. */
  close(): void;
}

/** The machine, seen from the runner. */
export interface Environment {
  /** Names the device. Called once per run, only when a stage needs a device. */
  fingerprint(): Promise<Fingerprint>;
  /** Opens the device. Called in the worker: once, and again when that failed; after a loss, in a new worker. */
  open(): Promise<OpenDevice>;
  /** Says why a memory plan cannot work on the device; undefined when it can. */
  checkMemory(plan: readonly MemoryItem[]): Promise<string | undefined>;
  /** Opens what measures power and memory of the device while a stage works; undefined where nothing can. Called once. */
  openMeter?(): Promise<Meter | undefined>;
}
