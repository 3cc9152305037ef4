/** Power, energy and memory that Linux shows under /sys: RAPL counters of processors, hwmon sensors and memory of GPUs. */

import type { Fingerprint } from "../runner/environment.ts";
import { byteText } from "../runner/memory.ts";
import { type Ask, firstLine, given, nothing, plainNumber, type Reading, type Survey } from "./meter_source.ts";

const MICRO = 1e-6;
/** Processors, cards and sensors beyond these numbers are not looked for: /sys cannot be listed with `cat`. */
const PACKAGES = 16, CARDS = 16, SENSORS = 64;
/** The drivers whose sensor is the card's; i915 has sensors of parts (`i915_gt0`) beside it. */
const CARD_DRIVERS = ["amdgpu", "i915", "xe", "nouveau", "radeon"];

const numbered = (count: number, path: (index: number) => string): string[] =>
  Array.from({ length: count }, (_, index) => path(index));

/** What {@link readLines} found. */
export interface Lines {
  /** Path -> its line, for files that could be read. */
  readonly found: ReadonlyMap<string, string>;
  /** True when a file is there but may not be read. */
  readonly denied: boolean;
  /** Why there is nothing at all: `cat` cannot be started. */
  readonly broken?: string;
}

/**
 * Reads files of one line each with one `cat`. It names the files it could not read; the others come in order. When their lines do not
 * add up nothing is taken, since no line could be told from another.
 */
export async function readLines(ask: Ask, paths: readonly string[], signal: AbortSignal): Promise<Lines> {
  const { ok, stdout, stderr } = await ask("cat", paths, signal);
  const complaints = stderr.split("\n");
  const read = paths.filter((path) =>
    !complaints.some((line) => line.includes(`${path}:`) || line.includes(`${path}'`))
  );
  const lines = stdout.split("\n").slice(0, -1);
  const denied = /permission denied/i.test(stderr);
  if (lines.length !== read.length) {
    return { found: new Map(), denied, ...(ok || stdout !== "" ? {} : { broken: firstLine(stderr) }) };
  }
  return { found: new Map(read.map((path, index) => [path, lines[index] as string])), denied };
}

/** True for drivers that compute on the processor. */
export function isSoftware(adapter: Fingerprint): boolean {
  return /llvmpipe|lavapipe|swiftshader|softpipe|microsoft basic render/i.test(adapter.description);
}

/** Looks for the energy counters of all processor packages: the energy of the device that computes, under a software driver. */
export async function surveyRapl(ask: Ask, signal: AbortSignal): Promise<Survey> {
  const zone = (index: number) => `/sys/class/powercap/intel-rapl:${index}`;
  const zones = numbered(PACKAGES, zone);
  const names = await readLines(ask, zones.map((path) => `${path}/name`), signal);
  if (names.broken !== undefined) return software(names.broken);
  const packages = zones.flatMap((path) => {
    const name = names.found.get(`${path}/name`)?.trim() ?? "";
    return /^package-\d+(-die-\d+)?$/.test(name) ? [{ path, name }] : [];
  });
  if (packages.length === 0) return software("this system shows no RAPL counters (/sys/class/powercap)");
  const ranges = await readLines(ask, packages.map(({ path }) => `${path}/max_energy_range_uj`), signal);
  const files = packages.map(({ path }) => `${path}/energy_uj`);
  const read = async (signal: AbortSignal): Promise<Reading & { denied?: boolean }> => {
    const { found, denied } = await readLines(ask, files, signal);
    const joules = files.map((file) => plainNumber(found.get(file))).filter((value) => value !== undefined);
    // Without one of the packages the sum would be too small.
    return joules.length === files.length ? { joules: joules.map((value) => value * MICRO) } : { denied };
  };
  const first = await read(signal);
  if (first.joules === undefined) {
    return software(
      first.denied ? "the RAPL counters may be read by root only" : "the RAPL counters cannot be read",
      first.denied
        ? "sudo chmod a+r /sys/class/powercap/intel-rapl:*/energy_uj allows it until the next start"
        : undefined,
    );
  }
  const name = `rapl:${packages.map((item) => item.name).join("+")}`;
  const wraps = packages.map(({ path }) => {
    const range = plainNumber(ranges.found.get(`${path}/max_energy_range_uj`));
    return range === undefined ? undefined : range * MICRO;
  });
  return {
    source: { name, wraps, read },
    power: { measured: true, text: `${name}, the whole processor` },
    memory: SOFTWARE_MEMORY,
  };
}

const SOFTWARE_MEMORY = { measured: false, text: "a software driver has no memory of its own" };

function software(why: string, hint?: string): Survey {
  return { ...nothing(why, hint), memory: SOFTWARE_MEMORY };
}

/** Looks for the card among those of the kernel's, by its PCI numbers, and for its sensors. */
export async function surveyCard(ask: Ask, adapter: Fingerprint, signal: AbortSignal): Promise<Survey> {
  const cards = numbered(CARDS, (index) => `/sys/class/drm/card${index}/device`);
  const ids = await readLines(ask, cards.flatMap((card) => [`${card}/vendor`, `${card}/device`]), signal);
  if (ids.broken !== undefined) return nothing(ids.broken);
  const is = (path: string, wanted: string) => Number(ids.found.get(path) ?? NaN) === Number(wanted);
  const same = cards.filter((card) => is(`${card}/vendor`, adapter.vendor) && is(`${card}/device`, adapter.device));
  const [card] = same;
  if (card === undefined) return nothing(`no card under /sys/class/drm is ${adapter.description}`);
  if (same.length > 1) {
    return nothing(`${same.length} cards are ${adapter.description}: which one computes cannot be told`);
  }
  const sensors = numbered(SENSORS, (index) => `${card}/hwmon/hwmon${index}`);
  const names = await readLines(ask, sensors.map((sensor) => `${sensor}/name`), signal);
  const driverOf = (sensor: string) => names.found.get(`${sensor}/name`)?.trim() ?? "";
  const sensor = sensors.find((path) => CARD_DRIVERS.includes(driverOf(path)));
  const memory = `${card}/mem_info_vram_used`;
  const kinds = ["energy1_input", "power1_average", "power1_input"] as const;
  const tried = [memory, ...(sensor === undefined ? [] : kinds.map((kind) => `${sensor}/${kind}`))];
  const first = await readLines(ask, tried, signal);
  const kind = kinds.find((kind) => plainNumber(first.found.get(`${sensor}/${kind}`)) !== undefined);
  const bytes = plainNumber(first.found.get(memory));
  const name = sensor === undefined || kind === undefined ? "sysfs" : `hwmon:${driverOf(sensor)}`;
  const files = [...(kind === undefined ? [] : [`${sensor}/${kind}`]), ...(bytes === undefined ? [] : [memory])];
  const read = async (signal: AbortSignal): Promise<Reading> => {
    const { found } = await readLines(ask, files, signal);
    const micro = plainNumber(found.get(`${sensor}/${kind}`));
    const value = micro === undefined ? undefined : micro * MICRO;
    const deviceBytes = plainNumber(found.get(memory));
    if (kind !== "energy1_input") return given({ watts: value, deviceBytes });
    return given({ joules: value === undefined ? undefined : [value], deviceBytes });
  };
  return {
    ...(files.length === 0 ? {} : { source: { name, read } }),
    power: kind === undefined
      ? { measured: false, text: "the driver shows no power sensor (hwmon) for this card" }
      : { measured: true, text: `${name} (${kind})` },
    memory: bytes === undefined
      ? { measured: false, text: "the driver shows no memory in use for this card" }
      : { measured: true, text: `mem_info_vram_used, ${byteText(bytes)} now, by all programs together` },
  };
}
