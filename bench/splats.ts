/**
 * Gaussian splats, measured: drawing a view and going back through it, by kernel, with the memory that takes; a trained file
 * from all around; and a million splats.
 *
 *     deno task bench:splats [--json] [--million] [--splats N ...] [--pixels N ...] [--data FOLDER]
 *
 * @module
 */
import { parseArgs } from "node:util";
import { openGpu } from "../kernels/device.ts";
import { mib } from "../kernels/memory_plan.ts";
import { readSplats } from "../scenes/splat_files.ts";
import { fmaRate } from "./fma_rate.ts";
import {
  ballOfSplats,
  type KernelTime,
  measureBackward,
  measureForward,
  measureOrbit,
  type PassTime,
  planLines,
} from "./splat_measure.ts";

const GUITAR = "splats/guitar.compressed.ply";

const HELP = `Measures Gaussian splats on this machine: forward (projection, lists, sorts, compositing) and backward.

  deno task bench:splats                      10,000 and 100,000 splats, 200 and 400 pixels, and the guitar
  deno task bench:splats --million            one million splats at 400 pixels instead, with every buffer of the plan
  deno task bench:splats --splats 20000 --pixels 800
  deno task bench:splats --json > splats.json

Options
  --splats N     splats in the ball; give it again for more (default: 10000 and 100000)
  --pixels N     width and height of the picture; give it again for more (default: 200 and 400)
  --million      one million splats of degree 3, forward only, at each --pixels (default: 400); nothing else is measured
  --data FOLDER  where ${GUITAR} lies, a trained file of 90,854 splats
                 (default: $STILLROOM_DATA, else ../shared/data); without it that part is left out
  --json         one JSON object on stdout, the tables on stderr
  --help         this text

The ball has radius 1 and is seen from 4.03 away, as the scenes of NeRF-synthetic are. Its splats have degree 3 and standard
deviations around 1.5 pixels at 200 pixels. A pair is a splat and an 8 x 8 tile that it may touch: time goes with pairs more
than with splats. The ball is full, so most of its pairs lie behind pixels that are already opaque and cost little to draw;
the guitar's do not, so its compositing costs more per pair. "ms" is wall time of one pass among many submitted in a row;
the shares come from timestamps on the device, kernel by kernel. "frames/s" reads every picture back. Ratios within one run
say more than milliseconds: other programs run too.`;

interface Options {
  readonly json: boolean;
  readonly million: boolean;
  readonly splats: readonly number[];
  readonly pixels: readonly number[];
  readonly data: string;
}

/** Reads the command line; undefined after printing the help. */
function readOptions(args: readonly string[]): Options | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      json: { type: "boolean", default: false },
      million: { type: "boolean", default: false },
      splats: { type: "string", multiple: true },
      pixels: { type: "string", multiple: true },
      data: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    return undefined;
  }
  const numbers = (name: "splats" | "pixels", most: number, otherwise: readonly number[]) =>
    values[name]?.map((text) => {
      const value = Number(text);
      if (Number.isInteger(value) && value >= 1 && value <= most) return value;
      throw new RangeError(`Expected --${name} to be a whole number from 1 to ${most}, found ${text}`);
    }) ?? otherwise;
  if (values.million && values.splats) throw new RangeError("Expected --million or --splats, found both");
  return {
    json: values.json,
    million: values.million,
    splats: values.million ? [1_000_000] : numbers("splats", 10_000_000, [10_000, 100_000]),
    pixels: numbers("pixels", 8192, values.million ? [400] : [200, 400]),
    data: values.data ?? Deno.env.get("STILLROOM_DATA") ?? "../shared/data",
  };
}

const k = (v: number) => v < 1e6 ? `${(v / 1000).toFixed(0)} k` : `${(v / 1e6).toFixed(1)} M`;

function shareLines(title: string, { ms, groups }: PassTime): string[] {
  const row = ({ name, ms, share }: KernelTime) =>
    `    ${name.padEnd(24)} ${ms.toFixed(2).padStart(9)} ms ${(100 * share).toFixed(0).padStart(4)} %`;
  return [`  ${title.padEnd(26)} ${ms.toFixed(2).padStart(9)} ms`, ...groups.map(row)];
}

async function exists(file: string): Promise<boolean> {
  return await Deno.stat(file).then(() => true, (error) => {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  });
}

async function bench(options: Options): Promise<void> {
  const say = (...lines: readonly string[]) => lines.forEach((l) => options.json ? console.error(l) : console.log(l));
  const gpu = await openGpu();
  const rate = async () => gpu.hasTimestamps ? await fmaRate(gpu) : undefined;
  const before = await rate();
  say(`adapter            ${gpu.adapter.description}`);
  if (before === undefined) say("no timestamps      this adapter cannot time kernels: only whole passes are measured");

  const cases = [];
  for (const count of options.splats) {
    const splats = ballOfSplats(count, 3);
    for (const pixels of options.pixels) {
      const forward = await measureForward(gpu, splats, pixels);
      const backward = options.million ? undefined : await measureBackward(gpu, splats, pixels, forward.pairs);
      cases.push({
        ...forward,
        backward: backward?.backward ?? null,
        backward_memory: backward?.memory ?? null,
      });
      say(
        "",
        `${count.toLocaleString("en")} splats of degree 3, ${pixels} x ${pixels} pixels: ${k(forward.pairs)} pairs, ${
          (forward.pairs / count).toFixed(1)
        } per splat, ${(100 * forward.covered).toFixed(0)} % of the picture covered`,
        `  ${k(forward.gaussians_per_second)} splats/s, ${forward.frames_per_second.toFixed(1)} frames/s; memory ${
          mib(forward.memory.peak_bytes)
        } MiB forward${backward ? `, ${mib(backward.memory.peak_bytes)} MiB with backward` : ""}`,
        ...shareLines("forward", forward.forward),
        ...(backward ? shareLines("backward", backward.backward) : []),
        ...(options.million ? ["", ...planLines(forward.memory)] : []),
      );
    }
  }

  const guitar = [], file = `${options.data}/${GUITAR}`;
  if (!options.million && await exists(file)) {
    const splats = await readSplats(file);
    for (const pixels of options.pixels) {
      const orbit = await measureOrbit(gpu, file, splats, pixels);
      guitar.push(orbit);
      say(
        "",
        `guitar, ${orbit.splats.toLocaleString("en")} splats of degree ${orbit.degree}, ${pixels} x ${pixels} pixels: ${
          k(orbit.pairs)
        } pairs, ${orbit.frames_per_second.toFixed(1)} frames/s`,
        ...shareLines("forward", orbit.forward),
      );
    }
  } else if (!options.million) {
    say("", `guitar: left out, ${file} is not there (--data FOLDER names where it is)`);
  }

  const after = await rate();
  if (before !== undefined && after !== undefined) {
    say("", `pure FMA loop      ${before.toFixed(1)} GFLOP/s before, ${after.toFixed(1)} after`);
  }
  if (options.json) {
    const fma_gflops = before === undefined || after === undefined ? null : Math.max(before, after);
    console.log(JSON.stringify({ adapter: gpu.adapter.description, fma_gflops, cases, guitar }));
  }
}

try {
  const options = readOptions(Deno.args);
  if (options) await bench(options);
} catch (error) {
  // What the user can mend is said in a line; anything else keeps its stack.
  if (!(error instanceof RangeError || (error instanceof TypeError && "code" in error))) throw error;
  console.error(`${error.message}\nTry deno task bench:splats --help`);
  Deno.exitCode = 1;
}
