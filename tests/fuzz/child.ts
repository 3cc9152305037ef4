/**
 * Fuzzes one target: `child.ts TARGET COUNT FOLDER`. Writes a dot for each input that is done, so that whoever watches knows the one
 * that hangs or kills, then one line of JSON.
 */

import { Inputs, shrink } from "./inputs.ts";
import { judge } from "./judge.ts";
import { countAllocations } from "./allocations.ts";
import { loadTarget } from "./targets.ts";

/** A fault of a reader. */
export interface Fault {
  /** Number of the input. */
  readonly index: number;
  /** What is wrong. */
  readonly problem: string;
  /** The input. */
  readonly hex: string;
  /** A smaller one with the same fault. */
  readonly shrunk: string;
}

/** What a child reports. */
export interface Report {
  /** Inputs that the reader took. */
  readonly parsed: number;
  /** Inputs that it refused with a clear error. */
  readonly refused: number;
  /** Numbers of seeds that it refused. */
  readonly refusedSeeds: readonly number[];
  /** Most bytes of buffers that an input cost, as a share of what its target allows. */
  readonly most: number;
  /** Faults, one of each kind. */
  readonly faults: readonly Fault[];
}

/** Faults that are reported. */
const MOST_FAULTS = 8;

async function fuzz(name: string, count: number, folder: string): Promise<Report> {
  const target = await loadTarget(name, folder);
  const inputs = new Inputs(target, count);
  const dot = new TextEncoder().encode(".");
  const faults = new Map<string, Fault>();
  const refusedSeeds: number[] = [];
  let parsed = 0, refused = 0, most = 0;
  for (let index = 0; index < count; index++) {
    const bytes = inputs.at(index);
    const verdict = await judge(target, bytes);
    most = Math.max(most, verdict.allocated / target.limit(bytes.length));
    if (verdict.parsed) parsed++;
    else {
      refused++;
      if (index < target.seeds.length) refusedSeeds.push(index);
    }
    const kind = verdict.problem && kindOf(verdict.problem);
    if (kind !== undefined && !faults.has(kind) && faults.size < MOST_FAULTS) {
      const small = await shrink(bytes, async (less) => {
        const { problem } = await judge(target, less);
        return problem !== undefined && kindOf(problem) === kind;
      });
      faults.set(kind, { index, problem: verdict.problem!, hex: bytes.toHex(), shrunk: small.toHex() });
    }
    Deno.stdout.writeSync(dot);
  }
  return { parsed, refused, refusedSeeds, most, faults: [...faults.values()] };
}

/** Faults that differ in numbers and quoted text only are one. */
function kindOf(problem: string): string {
  return problem.replace(/"[^"]*"|'[^']*'|\d+/g, "_").slice(0, 60);
}

if (import.meta.main) {
  const [name = "", count = "", folder = ""] = Deno.args;
  countAllocations();
  const report = await fuzz(name, Number(count), folder);
  Deno.stdout.writeSync(new TextEncoder().encode(`\n${JSON.stringify(report)}\n`));
}
