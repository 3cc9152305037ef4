/** What a meter reads and whom it asks: shared by the sources of power, energy and GPU memory. */

import type { Answer } from "../runner/process.ts";

/** The programs that a meter starts: the first reads /sys, which Deno guards, the second ships with NVIDIA's driver. */
export type MeterProgram = "cat" | "nvidia-smi";

/**
 * Starts a program and collects what it says. Never rejects: a program that is missing, refused, slow or stopped through the signal is
 * an answer that is not ok, with the reason in `stderr`.
 */
export type Ask = (program: MeterProgram, args: readonly string[], signal: AbortSignal) => Promise<Answer>;

/** What a source gave at one moment; what it could not read is left out. */
export interface Reading {
  /** Power in watts. */
  readonly watts?: number;
  /** Energy counters in joules, always the same ones in the same order. */
  readonly joules?: readonly number[];
  /** Memory in use on the whole device, in bytes. */
  readonly deviceBytes?: number;
  /** Memory of this process on the device, in bytes. */
  readonly processBytes?: number;
}

/** Where readings of one device come from. */
export interface Source {
  /** `nvidia-smi`, `rapl:package-0`, `hwmon:amdgpu` ... */
  readonly name: string;
  /** Joules after which each energy counter starts again at zero; undefined for one that does not. */
  readonly wraps?: readonly (number | undefined)[];
  /** Reads now; an empty reading when nothing could be read. */
  read(signal: AbortSignal): Promise<Reading>;
}

/** Whether something is measured here, for people. */
export interface Verdict {
  /** True when readings will come. */
  readonly measured: boolean;
  /** The source, or why there is none. */
  readonly text: string;
  /** How to mend it, where that is possible. */
  readonly hint?: string;
}

/** What looking for a source found. */
export interface Survey {
  /** The source, when it gives power, energy or memory. */
  readonly source?: Source;
  /** On power and energy. */
  readonly power: Verdict;
  /** On the memory of the GPU. */
  readonly memory: Verdict;
}

/** A survey that found nothing, for one reason. */
export function nothing(text: string, hint?: string): Survey {
  const verdict: Verdict = { measured: false, text, ...(hint === undefined ? {} : { hint }) };
  return { power: verdict, memory: verdict };
}

/** Reads a plain decimal number of at least zero; undefined for anything else, such as `[N/A]`. */
export function plainNumber(text: string | undefined): number | undefined {
  const trimmed = text?.trim() ?? "";
  return /^\d+(\.\d+)?$/.test(trimmed) ? Number(trimmed) : undefined;
}

/** The first line that says something: programs explain themselves in it. */
export function firstLine(...texts: readonly string[]): string {
  return texts.flatMap((text) => text.split("\n")).map((line) => line.trim()).find((line) => line !== "") ??
    "no explanation";
}

/** A reading without its undefined values. */
export function given(values: { readonly [K in keyof Reading]: Reading[K] | undefined }): Reading {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}
