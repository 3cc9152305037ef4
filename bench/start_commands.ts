/** Wall times of commands, taken in turn, so that what else the machine does falls on all of them alike. */

import { childEnvironment } from "../runner/process.ts";

/** A command that is measured. */
export interface Measurand {
  /** Its name in the answer. */
  readonly name: string;
  /** What `deno` is told. */
  readonly args: readonly string[];
}

/** Wall times of one command. */
export interface Walls {
  /** The least, in milliseconds. */
  readonly least: number;
  /** The median, in milliseconds. */
  readonly median: number;
}

/**
 * Measures commands in turn, each round in another order. Each runs once before, so that Deno's own caches are filled.
 *
 * @param rounds how often each runs
 * @throws {Error} when one of them fails
 */
export async function measureCommands<Name extends string>(
  commands: readonly (Measurand & { readonly name: Name })[],
  rounds: number,
  cwd: string,
): Promise<Record<Name, Walls>> {
  const walls = new Map<Name, number[]>(commands.map(({ name }) => [name, []]));
  for (let round = -1; round < rounds; round++) {
    for (let i = 0; i < commands.length; i++) {
      const command = commands[(i + Math.max(0, round)) % commands.length]!;
      const ms = await wallOf(command, cwd);
      if (round >= 0) walls.get(command.name)!.push(ms);
    }
  }
  return Object.fromEntries([...walls].map(([name, all]) => [name, spread(all)])) as Record<Name, Walls>;
}

/** The least and the median of some times. */
export function spread(all: readonly number[]): Walls {
  const sorted = all.toSorted((a, b) => a - b);
  return { least: sorted[0]!, median: sorted[sorted.length >> 1]! };
}

async function wallOf({ name, args }: Measurand, cwd: string): Promise<number> {
  const start = performance.now();
  const { success, stderr } = await new Deno.Command("deno", {
    args: [...args],
    cwd,
    clearEnv: true,
    env: childEnvironment(),
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  const ms = performance.now() - start;
  if (!success) {
    throw new Error(`Expected ${name} (deno ${args.join(" ")}) to succeed: ${new TextDecoder().decode(stderr)}`);
  }
  return ms;
}
