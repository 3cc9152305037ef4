/** Power and memory of an NVIDIA GPU, from `nvidia-smi`. */

import type { Fingerprint } from "../runner/environment.ts";
import { byteText } from "../runner/memory.ts";
import { type Ask, firstLine, given, nothing, plainNumber, type Reading, type Survey } from "./meter_source.ts";

/** One GPU, as `nvidia-smi` lists it. */
export interface NvidiaGpu {
  /** Its lasting id. */
  readonly uuid: string;
  /** Its product name, which Vulkan reports as well. */
  readonly name: string;
  /** Power of the board in watts; a mean over the last second on most boards. */
  readonly watts?: number;
  /** Memory in use by everything that runs on the device, in bytes. */
  readonly deviceBytes?: number;
}

const FORMAT = "--format=csv,noheader,nounits";
const GPUS = ["--query-gpu=index,uuid,name,power.draw,memory.used", FORMAT];
const PROCESSES = ["--query-compute-apps=gpu_uuid,pid,process_name,used_memory", FORMAT];
const MIB = 2 ** 20;

/** Asked so often in vain for the memory of this process, the source asks no more: a container's ids are not the driver's. */
const PROCESS_TRIES = 10;

/** Reads the table of GPUs. Lines of another shape are left out; `[N/A]` and `[Not Supported]` are no number. */
export function parseGpus(text: string): NvidiaGpu[] {
  return text.split("\n").flatMap((line) => {
    const [index, uuid, name, power, memory, ...more] = line.split(",").map((field) => field.trim());
    if (!uuid || !name || plainNumber(index) === undefined || memory === undefined || more.length > 0) return [];
    const mebibytes = plainNumber(memory);
    const readings = given({
      watts: plainNumber(power),
      deviceBytes: mebibytes === undefined ? undefined : mebibytes * MIB,
    });
    return [{ uuid, name, ...readings }];
  });
}

/**
 * Memory of one process on one GPU in bytes; undefined where it is not listed. The name must be Deno's too: in a container the id
 * could be that of another process outside.
 */
export function parseProcessBytes(text: string, uuid: string, pid: number): number | undefined {
  for (const line of text.split("\n")) {
    const [gpu, id, ...rest] = line.split(",").map((field) => field.trim());
    const mebibytes = plainNumber(rest.pop());
    if (gpu !== uuid || plainNumber(id) !== pid || mebibytes === undefined) continue;
    if (/\bdeno(\.exe)?$/i.test(rest.join(","))) return mebibytes * MIB;
  }
  return undefined;
}

/** The GPU that the adapter is: by name, or the only one; a text says why none was chosen. */
export function chooseGpu(gpus: readonly NvidiaGpu[], description: string): NvidiaGpu | string {
  const plain = (name: string) => name.replace(/\/PCIe.*$/, "").replace(/\s+/g, " ").trim().toLowerCase();
  const same = gpus.filter((gpu) => plain(gpu.name) === plain(description));
  const [first, ...others] = same.length > 0 || gpus.length > 1 ? same : gpus;
  if (others.length > 0) {
    return `${same.length} GPUs are called ${first?.name}: which one computes cannot be told`;
  }
  if (first) return first;
  return gpus.length === 0
    ? "nvidia-smi lists no GPU"
    : `nvidia-smi lists ${gpus.map((gpu) => gpu.name).join(" and ")}, none is ${description}`;
}

/** True for adapters of NVIDIA's. */
export function isNvidia(adapter: Fingerprint): boolean {
  return Number(adapter.vendor) === 0x10de || /\bnvidia\b/i.test(adapter.description);
}

/** Looks for the adapter in `nvidia-smi`. */
export async function surveyNvidia(
  ask: Ask,
  adapter: Fingerprint,
  pid: number,
  signal: AbortSignal,
): Promise<Survey> {
  const answer = await ask("nvidia-smi", GPUS, signal);
  const gpus = parseGpus(answer.stdout); // one GPU in trouble makes an answer that is not ok of the others' good lines
  if (!answer.ok && gpus.length === 0) return nothing(firstLine(answer.stderr, answer.stdout));
  const gpu = chooseGpu(gpus, adapter.description);
  if (typeof gpu === "string") return nothing(gpu);
  const { uuid, name, watts, deviceBytes } = gpu;
  const from = `nvidia-smi (${name})`;
  const source = { name: "nvidia-smi", read: nvidiaReader(ask, uuid, pid) };
  return {
    ...(watts === undefined && deviceBytes === undefined ? {} : { source }),
    power: watts === undefined
      ? { measured: false, text: `${from} gives no power for this GPU` }
      : { measured: true, text: `${from}, ${watts} W now` },
    memory: deviceBytes === undefined
      ? { measured: false, text: `${from} gives no memory for this GPU` }
      : { measured: true, text: `${from}, ${byteText(deviceBytes)} now, by all programs together` },
  };
}

function nvidiaReader(ask: Ask, uuid: string, pid: number): (signal: AbortSignal) => Promise<Reading> {
  let tries = 0;
  return async (signal) => {
    const answer = await ask("nvidia-smi", [`--id=${uuid}`, ...GPUS], signal);
    const gpu = parseGpus(answer.stdout).find((item) => item.uuid === uuid);
    if (!gpu) return {};
    const { watts, deviceBytes } = gpu;
    let processBytes: number | undefined;
    if (tries < PROCESS_TRIES) {
      const processes = await ask("nvidia-smi", PROCESSES, signal);
      processBytes = processes.ok ? parseProcessBytes(processes.stdout, uuid, pid) : undefined;
      tries = processBytes === undefined ? tries + 1 : 0;
    }
    return given({ watts, deviceBytes, processBytes });
  };
}
