/**
 * Pictures of 2D Gaussians, measured: steps of their training forward and backward by size and number, and decoding.
 *
 *     deno task bench:images [--json] [--size N ...] [--gaussians N ...] [--image FILE]
 *
 * @module
 */
import { parseArgs } from "node:util";
import { openGpu } from "../kernels/device.ts";
import { BLENDS } from "../kernels/gaussians/gaussian_layout.ts";
import { mib } from "../kernels/memory_plan.ts";
import { SceneError } from "../scenes/errors.ts";
import { readPicture } from "../scenes/picture.ts";
import { fmaRate } from "./fma_rate.ts";
import {
  checkAgainstReference,
  type DecodeTime,
  measureDecode,
  measureStep,
  MIX,
  SQUARED,
  startOf,
  type StepCase,
  type StepTime,
} from "./image_measure.ts";

const KODIM = "kodak/kodim23.png";

const HELP = `Measures pictures of 2D Gaussians on this machine: steps of training, forward and backward, and decoding.

  deno task bench:images                      192, 384 and 768 pixels wide, 100 to 30,000 Gaussians
  deno task bench:images --size 768 --gaussians 9000
  deno task bench:images --json > images.json

Options
  --size N       width of the picture, which keeps its proportions; again for more (default: 192, 384 and 768)
  --gaussians N  how many; again for more (default: 100, 1000, 9000 and 30000)
  --image FILE   PNG that is fitted (default: ${KODIM} in $STILLROOM_DATA, else in ../shared/data)
  --json         one JSON object on stdout, the tables on stderr
  --help         this text

Sizes and numbers are timed with the blend average, all opaque, and squared error. The last size with 9,000 Gaussians (else the
last number) is also timed with the other blends, with opacities, and with the loss 0.2 L1 + 0.8 L2 + 0.1 (1 - SSIM), and decoded.
The Gaussians are those that a fit starts from: placed by the picture's gradients. A pair is a Gaussian and an 8 x 8 tile that it
may touch: time goes with pairs. Forward are lists and blend, backward "blend backw." and sums, by the device's clock; a step is
wall time, many in a row. "G/s" is Gaussians times steps per second, "o" a blend with opacities that are trained.
Before anything is timed every blend is held against float64 on the host. Ratios within one run say more than milliseconds.`;

interface Options {
  readonly json: boolean;
  readonly sizes: readonly number[];
  readonly gaussians: readonly number[];
  readonly image: string;
}

/** Reads the command line; undefined after printing the help. */
function readOptions(args: readonly string[]): Options | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      json: { type: "boolean", default: false },
      size: { type: "string", multiple: true },
      gaussians: { type: "string", multiple: true },
      image: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    return undefined;
  }
  const numbers = (name: "size" | "gaussians", most: number, otherwise: readonly number[]) =>
    values[name]?.map((text) => {
      const value = Number(text);
      if (Number.isInteger(value) && value >= 16 && value <= most) return value;
      throw new RangeError(`Expected --${name} to be a whole number from 16 to ${most}, found ${text}`);
    }) ?? otherwise;
  return {
    json: values.json,
    sizes: numbers("size", 8192, [192, 384, 768]),
    gaussians: numbers("gaussians", 1_000_000, [100, 1000, 9000, 30_000]),
    image: values.image ?? `${Deno.env.get("STILLROOM_DATA") ?? "../shared/data"}/${KODIM}`,
  };
}

const HEAD =
  "size     Gaussians  blend       loss      pairs  steps/s  step ms | lists  blend   loss  blend backw.  sums  Adam ms |  G/s     MiB";

function stepLine(step: StepTime): string {
  const { parts_ms: p } = step, ms = (v: number | undefined, width: number) => (v?.toFixed(1) ?? "-").padStart(width);
  return [
    `${step.width}x${step.height}`.padEnd(9),
    `${step.gaussians}`.padEnd(10),
    `${step.blend}${step.opaque ? "" : ", o"}`.padEnd(11),
    (step.loss.ssim > 0 ? "mix" : "L2").padEnd(4),
    `${step.pairs}`.padStart(11),
    step.steps_per_second.toFixed(1).padStart(8),
    ms(step.step_ms, 8),
    " |",
    ms(p?.lists, 5),
    ms(p?.blend, 6),
    ms(p?.loss, 6),
    ms(p?.blend_backward, 13),
    ms(p?.sums, 5),
    ms(p?.adam, 7),
    " |",
    `${(step.gaussians_per_second / 1e6).toFixed(3)} M`.padStart(8),
    mib(step.peak_bytes).padStart(7),
  ].join(" ");
}

function decodeLines(decode: DecodeTime): string[] {
  const { width, height, gaussians, blend_fps, forward_fps, integer_fps, bytes, decode_ms, host_render_ms } = decode;
  return [
    `decoding ${gaussians} Gaussians at ${width} x ${height}`,
    `  float, lists resident       ${blend_fps.toFixed(1).padStart(7)} frames/s`,
    `  float, lists made anew      ${forward_fps.toFixed(1).padStart(7)} frames/s`,
    `  exact integers, resident    ${integer_fps.toFixed(1).padStart(7)} frames/s`,
    `  exact integers on the host  ${(1000 / host_render_ms).toFixed(1).padStart(7)} frames/s`,
    `  file of ${bytes.toLocaleString("en")} bytes to codes, on the host: ${decode_ms.toFixed(0)} ms`,
  ];
}

async function bench(options: Options): Promise<void> {
  const say = (...lines: readonly string[]) => lines.forEach((l) => options.json ? console.error(l) : console.log(l));
  const gpu = await openGpu();
  const rate = async () => gpu.hasTimestamps ? await fmaRate(gpu) : undefined;
  const before = await rate();
  say(`adapter            ${gpu.adapter.description}`);
  if (before === undefined) say("no timestamps      this adapter cannot time kernels: only whole steps are measured");
  const errors: Record<string, number> = {};
  for (const blend of BLENDS) errors[blend] = await checkAgainstReference(gpu, blend);
  say(
    `against float64    ${Object.entries(errors).map(([blend, e]) => `${blend} ${e.toExponential(1)}`).join(", ")}`,
    "",
    HEAD,
  );

  const usual: StepCase = { blend: "average", opaque: true, loss: SQUARED };
  const others: readonly StepCase[] = [
    { ...usual, opaque: false },
    { ...usual, blend: "sum" },
    { ...usual, blend: "alpha", opaque: false },
    { ...usual, blend: "top_k" },
    { ...usual, loss: MIX },
  ];
  const steps: StepTime[] = [];
  const last = {
    size: options.sizes.at(-1)!,
    gaussians: options.gaussians.includes(9000) ? 9000 : options.gaussians.at(-1)!,
  };
  let decode: DecodeTime | undefined;
  for (const size of options.sizes) {
    const target = await readPicture(options.image, { width: size, height: 0 });
    for (const count of options.gaussians) {
      const values = startOf(target, count), isLast = size === last.size && count === last.gaussians;
      for (const one of [usual, ...(isLast ? others : [])]) {
        steps.push(await measureStep(gpu, target, values, one));
        say(stepLine(steps.at(-1)!));
      }
      if (isLast) decode = await measureDecode(gpu, target, values);
    }
  }
  say("", ...decodeLines(decode!));

  const after = await rate();
  if (before !== undefined && after !== undefined) {
    say("", `pure FMA loop      ${before.toFixed(1)} GFLOP/s before, ${after.toFixed(1)} after`);
  }
  if (options.json) {
    const fma_gflops = before === undefined || after === undefined ? null : Math.max(before, after);
    console.log(JSON.stringify({ adapter: gpu.adapter.description, fma_gflops, errors, steps, decode }));
  }
}

try {
  const options = readOptions(Deno.args);
  if (options) await bench(options);
} catch (error) {
  // What the user can mend is said in a line; anything else keeps its stack.
  const mendable = error instanceof RangeError || error instanceof SceneError ||
    (error instanceof TypeError && "code" in error);
  if (!mendable) throw error;
  console.error(`${error.message}\nTry deno task bench:images --help`);
  Deno.exitCode = 1;
}
