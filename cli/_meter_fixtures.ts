/** A machine for the tests of meters: files and programs that answer from text, a clock and timers that a test moves on. */

import type { Fingerprint } from "../runner/environment.ts";
import type { Answer } from "../runner/process.ts";
import type { Ask, MeterProgram } from "./meter_source.ts";
import type { Later } from "./power_meter.ts";

/** A GPU as `nvidia-smi` names it. */
export const H100: string = "NVIDIA H100 80GB HBM3";
/** Its id. */
export const H100_ID: string = "GPU-bc5610b9-79c8-fedd-8899-07539c7f868a";

/** A fingerprint of an adapter; vendor and device are PCI numbers in decimal, as Deno gives them. */
export function adapter(description: string, vendor = 0, device = 0): Fingerprint {
  return { description, vendor: String(vendor), device: String(device), backend: "vulkan", limits: {} };
}

/** The fingerprint of the software driver. */
export const llvmpipe: Fingerprint = adapter("llvmpipe (LLVM 15.0.6, 256 bits)", 0x10005);

/** A signal that nobody raises. */
export const never: AbortSignal = new AbortController().signal;

/** A machine that exists only here. */
export class Machine {
  /** Path -> text of one line; an Error is a file that is there but fails with that message. */
  readonly files = new Map<string, string | Error>();
  /** What `nvidia-smi` prints for `--query-gpu`; undefined when it is not installed. */
  gpus: string | undefined;
  /** What it prints for `--query-compute-apps`. */
  processes = "";
  /** Milliseconds that any program takes. */
  takes = 0;
  /** Milliseconds now. */
  time = 0;
  /** Every program that was started. */
  readonly asked: { program: MeterProgram; args: readonly string[]; signal: AbortSignal }[] = [];
  readonly #timers = new Set<{ at: number; call: () => void }>();

  readonly now = (): number => this.time;

  readonly later: Later = (ms, call) => {
    const item = { at: this.time + ms, call };
    this.#timers.add(item);
    return () => this.#timers.delete(item);
  };

  /** How many timers wait. */
  get waiting(): number {
    return this.#timers.size;
  }

  readonly ask: Ask = (program, args, signal) => {
    this.asked.push({ program, args, signal });
    this.time += this.takes;
    return Promise.resolve(program === "cat" ? this.#cat(args) : this.#smi(args));
  };

  /** Lets `ms` pass; calls `each` before every timer, so that a test can change what is read. */
  async pass(ms: number, each: () => void = () => {}): Promise<void> {
    const end = this.time + ms;
    for (;;) {
      const [next] = [...this.#timers].filter((item) => item.at <= end).sort((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.#timers.delete(next);
      this.time = Math.max(this.time, next.at);
      each();
      next.call();
      for (let turn = 0; turn < 50; turn++) await Promise.resolve();
    }
    this.time = Math.max(this.time, end);
    each();
  }

  #cat(paths: readonly string[]): Answer {
    let stdout = "";
    let stderr = "";
    for (const path of paths) {
      const text = this.files.get(path);
      if (typeof text === "string") stdout += text + "\n";
      else stderr += `/usr/bin/cat: ${path}: ${text?.message ?? "No such file or directory"}\n`;
    }
    return { ok: stderr === "", stdout, stderr };
  }

  #smi(args: readonly string[]): Answer {
    if (this.gpus === undefined) return { ok: false, stdout: "", stderr: "nvidia-smi is not installed" };
    const [id, ...rest] = args[0]?.startsWith("--id=") ? args : [undefined, ...args];
    if (rest[0]?.startsWith("--query-compute-apps")) return { ok: true, stdout: this.processes, stderr: "" };
    const lines = this.gpus.split("\n").filter((line) => id === undefined || line.includes(id.slice(5)));
    return { ok: true, stdout: lines.join("\n"), stderr: "" };
  }
}
