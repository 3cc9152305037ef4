/**
 * LPIPS from a weights file: an ONNX file that the user made as docs/lpips.md says. It holds
 *
 * - the network: input `image`, `1 x 3 x height x width`, shifted and scaled as {@linkcode networkPicture} does; outputs
 *   `feature_0`, `feature_1` and so on, what its layers give after ReLU;
 * - its heads, outputs `head_0`, `head_1` and so on, `1 x channels x 1 x 1`, not negative;
 * - output `check`, the distance of the two pictures of {@linkcode checkPictures}, computed by whoever wrote the file.
 *
 * onnxruntime-web runs it on the CPU (WebAssembly). It is loaded with the first file and needs permission to read its own files.
 *
 * @module
 */
import type { InferenceSession, Tensor } from "onnxruntime-web";
import {
  CHECK_SIZE,
  checkPictures,
  type FeatureMap,
  layerDistance,
  LPIPS_NETS,
  type LpipsNet,
  networkPicture,
} from "./lpips.ts";

/** A weights file or a picture of which no LPIPS can be had; the message says why. */
export class LpipsError extends Error {
  /** Tells the class after crossing from a worker. */
  override readonly name = "LpipsError";
  /** The runner shows the message without a stack: it says all that is needed. */
  readonly userFacing = true;
}

/** Distance of two pictures. */
export interface LpipsDistance {
  /** Sum of the layers' distances; NaN when a picture holds a value that is not finite. */
  readonly distance: number;
  /** Distance in each layer. */
  readonly layers: readonly number[];
}

/** An opened weights file. Its methods may not run at the same time. */
export interface Lpips {
  /** Which network it holds. */
  readonly net: LpipsNet;
  /**
   * Distance of two pictures `height x width x 3` in [0, 1].
   *
   * @throws {LpipsError} When they are too small for the network, or it gives something that is no number.
   */
  distance(a: ArrayLike<number>, b: ArrayLike<number>, width: number, height: number): Promise<LpipsDistance>;
  /**
   * What the layers make of a picture `height x width x 3` in [0, 1].
   *
   * @throws {LpipsError} When it is too small for the network, or the network cannot be run on it.
   */
  features(picture: ArrayLike<number>, width: number, height: number): Promise<FeatureMap[]>;
  /** Frees its memory. */
  close(): Promise<void>;
}

/** How a weights file is opened. */
export interface LpipsOptions {
  /** Networks that are known; those of the paper when left out. Distances by others are not LPIPS: for tests. */
  readonly nets?: readonly LpipsNet[];
}

/** More threads than this gain nothing at the sizes of pictures that are evaluated. */
const MOST_THREADS = 8;
/** How far the sum of a head's weights may be from the known one, as a share of it. */
const HEAD_TOLERANCE = 1e-4;
/** How far the distance of the check may be from the stored one, as a share of it: both were computed in float32. */
const CHECK_TOLERANCE = 1e-4;
const HOW = "write the file as docs/lpips.md says";

/**
 * Opens a weights file and makes sure that it holds one of the networks and that all of it is understood.
 *
 * @throws {LpipsError} When it does not; the message says what was found.
 */
export async function openLpips(file: Uint8Array, { nets = LPIPS_NETS }: LpipsOptions = {}): Promise<Lpips> {
  const ort = await import("onnxruntime-web");
  // Counts only before the first session of the process.
  ort.env.wasm.numThreads = Math.min(MOST_THREADS, navigator.hardwareConcurrency);
  const session = await ort.InferenceSession.create(file, {
    executionProviders: ["wasm"],
    // Warnings tell of nothing that a user could mend.
    logSeverityLevel: 3,
  }).catch((error) => {
    throw new LpipsError(`The LPIPS weights are no ONNX file that can be run (${messageOf(error)}): ${HOW}`);
  });
  const run = async (picture: ArrayLike<number>, width: number, height: number, outputs: readonly string[]) => {
    const image = new ort.Tensor("float32", networkPicture(picture), [1, 3, height, width]);
    try {
      return await session.run({ image }, outputs);
    } catch (error) {
      throw new LpipsError(
        `The network of the LPIPS weights cannot be run on ${width} x ${height} pixels (${messageOf(error)}): ${HOW}`,
      );
    }
  };
  try {
    return await understand(session, run, nets);
  } catch (error) {
    await session.release();
    throw error;
  }
}

type Run = (
  picture: ArrayLike<number>,
  width: number,
  height: number,
  outputs: readonly string[],
) => Promise<InferenceSession.OnnxValueMapType>;

/** Finds out which network it is, and checks the heads and the stored distance. */
async function understand(session: InferenceSession, run: Run, nets: readonly LpipsNet[]): Promise<Lpips> {
  const count = session.outputNames.filter((name) => name.startsWith("feature_")).length;
  const numbered = (what: string) => Array.from({ length: count }, (_, i) => `${what}_${i}`);
  const layers = numbered("feature"), heads = numbered("head");
  const expected = ["image", "->", ...layers, ...heads, "check"].join(" ");
  const found = [...session.inputNames, "->", ...session.outputNames].join(" ");
  if (count === 0 || sorted(found) !== sorted(expected)) {
    throw new LpipsError(
      `LPIPS weights have an input image and outputs feature_0 ..., head_0 ..., check: found ${found}: ${HOW}`,
    );
  }
  const [a, b] = checkPictures(), { width, height } = CHECK_SIZE;
  const constants = await run(a, width, height, [...heads, "check"]);
  const features = async (picture: ArrayLike<number>, w: number, h: number): Promise<FeatureMap[]> => {
    const outputs = await run(picture, w, h, layers);
    return layers.map((name) => featureMap(outputs[name] as Tensor, name));
  };
  const channels = (await features(a, width, height)).map((map) => map.channels);
  const net = nets.find((known) => known.channels.join() === channels.join());
  if (!net) {
    throw new LpipsError(
      `The layers of LPIPS weights have ${nets.map((n) => `${n.channels.join(", ")} (${n.name})`).join(" or ")} ` +
        `channels: found ${channels.join(", ")}: ${HOW}`,
    );
  }
  const weights = heads.map((name, i) => headWeights(constants[name] as Tensor, name, net, i));
  const lpips: Lpips = {
    net,
    async features(picture, w, h) {
      if (picture.length !== w * h * 3) {
        throw new RangeError(`A picture of ${w} x ${h} pixels has ${w * h * 3} values: found ${picture.length}`);
      }
      if (w < net.smallest || h < net.smallest) {
        throw new LpipsError(
          `LPIPS (${net.name}) needs pictures of at least ${net.smallest} x ${net.smallest} pixels: found ${w} x ${h}`,
        );
      }
      return await features(picture, w, h);
    },
    async distance(p, q, w, h) {
      // The network's ReLU may turn what is no number into 0.
      if (!isFinitePicture(p) || !isFinitePicture(q)) return { distance: NaN, layers: layers.map(() => NaN) };
      const [ofP, ofQ] = [await lpips.features(p, w, h), await lpips.features(q, w, h)];
      const each = weights.map((head, i) => layerDistance(ofP[i]!, ofQ[i]!, head));
      const distance = each.reduce((sum, d) => sum + d);
      if (!Number.isFinite(distance)) {
        throw new LpipsError(
          `The network of the LPIPS weights (${net.name}) gives values that are not finite: its weights are damaged, ${HOW}`,
        );
      }
      return { distance, layers: each };
    },
    close: () => session.release(),
  };
  const stored = numbers(constants["check"] as Tensor, "check")[0];
  const { distance } = await lpips.distance(a, b, width, height);
  if (stored === undefined || !(Math.abs(distance - stored) <= CHECK_TOLERANCE * Math.abs(stored))) {
    throw new LpipsError(
      `The two pictures of the check have distance ${distance} by the LPIPS weights (${net.name}), ` +
        `but their output check says ${stored}: ${HOW}`,
    );
  }
  return lpips;
}

function featureMap(tensor: Tensor, name: string): FeatureMap {
  const [images, channels, height, width, ...more] = tensor.dims;
  const data = numbers(tensor, name);
  if (images !== 1 || !channels || !height || !width || more.length > 0) {
    throw new LpipsError(
      `Output ${name} of the LPIPS weights should be 1 x channels x height x width: found ${
        tensor.dims.join(" x ")
      }: ${HOW}`,
    );
  }
  return { channels, height, width, data };
}

/** Weights of a layer's head, one per channel, as version 0.1 has them. */
function headWeights(tensor: Tensor, name: string, net: LpipsNet, layer: number): Float32Array {
  const weights = numbers(tensor, name);
  if (weights.length !== net.channels[layer] || !weights.every((w) => w >= 0)) {
    throw new LpipsError(
      `Output ${name} of the LPIPS weights (${net.name}) should hold ${
        net.channels[layer]
      } weights, none negative: found ` +
        `${weights.length}, the least ${weights.reduce((a, b) => Math.min(a, b), Infinity)}: ${HOW}`,
    );
  }
  const sum = weights.reduce((a, b) => a + b, 0), known = net.headSums[layer]!;
  if (!(Math.abs(sum - known) <= HEAD_TOLERANCE * known)) {
    throw new LpipsError(
      `Output ${name} of the LPIPS weights (${net.name}) is not the head of version 0.1: the sum of its weights should be ` +
        `${known}: found ${sum}: ${HOW}`,
    );
  }
  return weights;
}

function numbers(tensor: Tensor, name: string): Float32Array {
  if (tensor.type !== "float32") {
    throw new LpipsError(`Output ${name} of the LPIPS weights should be float32: found ${tensor.type}: ${HOW}`);
  }
  return tensor.data as Float32Array;
}

function isFinitePicture(picture: ArrayLike<number>): boolean {
  for (let i = 0; i < picture.length; i++) if (!Number.isFinite(picture[i]!)) return false;
  return true;
}

const sorted = (words: string) => words.split(" ").sort().join(" ");
const messageOf = (error: unknown) => error instanceof Error ? error.message : String(error);
