/**
 * Shape, parameters and initial values of KiloUniform's networks (Reiser, Peng, Liao, Geiger 2021, "KiloNeRF", section 3;
 * conventions 6.5).
 *
 * One network: local position in [-1, 1]^3 of its cell -> frequencies -> hidden layers (ReLU) -> density and a feature vector
 * (both linear) -> feature and frequencies of the unit view direction -> one hidden layer (ReLU) -> colour. All with bias.
 *
 * @module
 */
import { Pcg } from "../random/pcg.ts";

/** Settings of a grid of networks. KiloNeRF's own: octaves 10 and 4, width 32, 2 hidden layers, no blending. */
export interface KiloConfig {
  /** Cells along x, y, z: 1 to 16 each. */
  readonly grid: readonly [number, number, number];
  /** Width of every hidden layer and of the feature vector. */
  readonly width: 16 | 32;
  /** Hidden layers before density and feature. */
  readonly hiddenLayers: 1 | 2 | 3;
  /** Octaves of the position: sine and cosine of `2^k x`, k < octaves, beside x itself; 0 to 10. */
  readonly positionOctaves: number;
  /** The same of the view direction; 0 to 4. */
  readonly directionOctaves: number;
  /** Margin on either side of a cell's faces in which neighbours are blended, as a share of the half width, 0 to 1; 0: off. */
  readonly blend: number;
}

/** Entry of `cells` for a cell that holds no network. */
export const NO_NETWORK = 0xffffffff;

/** One layer inside a network's block, in floats: the weight from input i to output o, then the bias of output o. */
export interface KiloLayer {
  readonly inputs: number;
  /** Floats per row: the outputs, the colour's padded to 4. */
  readonly outputs: number;
  /** Outputs that are trained. */
  readonly live: number;
  /** First weight: row i begins at `offset + i * outputs`; the bias is row `inputs`. */
  readonly offset: number;
}

/**
 * One network's block of parameters: layers in the order trunk, density, feature, direction, colour. Each is a matrix
 * `[inputs + 1][outputs]`, row-major, whose last row is the bias. Colour rows are padded to 4 outputs; density has one output
 * and its `width + 1` numbers are padded to a multiple of 4; the block is padded to a multiple of 16. Padding is 0.
 *
 * Inputs of the first layer: x, y, z, then for every octave k the sines of `2^k x, 2^k y, 2^k z` and their cosines. Inputs of the
 * direction layer: the feature vector, then the view direction encoded likewise.
 */
export interface KiloLayout {
  readonly trunk: readonly KiloLayer[];
  readonly density: KiloLayer;
  readonly feature: KiloLayer;
  readonly direction: KiloLayer;
  readonly colour: KiloLayer;
  /** Floats from one network to the next. */
  readonly stride: number;
}

/** Numbers that a vector of three becomes when encoded: itself, and sines and cosines of each octave. */
export function encodedWidth(octaves: number): number {
  return 3 + 6 * octaves;
}

function checkConfig(config: KiloConfig): void {
  const { grid, width, hiddenLayers, positionOctaves, directionOctaves, blend } = config;
  const whole = (value: number, least: number, most: number) =>
    Number.isInteger(value) && value >= least && value <= most;
  if (grid.length !== 3 || !grid.every((n) => whole(n, 1, 16))) {
    throw new RangeError(`A grid of networks has 1 to 16 cells along each of three axes: found ${grid.join(" x ")}`);
  }
  if (width !== 16 && width !== 32) throw new RangeError(`Network width must be 16 or 32: found ${width}`);
  if (!whole(hiddenLayers, 1, 3)) throw new RangeError(`A network has 1 to 3 hidden layers: found ${hiddenLayers}`);
  if (!whole(positionOctaves, 0, 10)) {
    throw new RangeError(`Position octaves must be 0 to 10: found ${positionOctaves}`);
  }
  if (!whole(directionOctaves, 0, 4)) {
    throw new RangeError(`Direction octaves must be 0 to 4: found ${directionOctaves}`);
  }
  if (!(blend >= 0 && blend <= 1)) {
    throw new RangeError(`The blending margin must be a share of the half width, 0 to 1: found ${blend}`);
  }
}

/**
 * Where everything lies in a network's block.
 *
 * @throws {RangeError} When a setting is outside what the kernels support.
 */
export function kiloLayout(config: KiloConfig): KiloLayout {
  checkConfig(config);
  const { width, hiddenLayers } = config;
  let next = 0;
  const layer = (inputs: number, live: number, outputs = live): KiloLayer => {
    const offset = next;
    next += Math.ceil((inputs + 1) * outputs / 4) * 4;
    return { inputs, outputs, live, offset };
  };
  const trunk = Array.from(
    { length: hiddenLayers },
    (_, l) => layer(l === 0 ? encodedWidth(config.positionOctaves) : width, width),
  );
  const density = layer(width, 1);
  const feature = layer(width, width);
  const direction = layer(width + encodedWidth(config.directionOctaves), width);
  const colour = layer(width, 3, 4);
  return { trunk, density, feature, direction, colour, stride: Math.ceil(next / 16) * 16 };
}

/** The layers in their order. */
export function layersOf({ trunk, density, feature, direction, colour }: KiloLayout): KiloLayer[] {
  return [...trunk, density, feature, direction, colour];
}

/** Number of trained values of one network, padding not counted: 6,212 for KiloNeRF's own setting. */
export function kiloParameterCount(config: KiloConfig): number {
  return layersOf(kiloLayout(config)).reduce((sum, { inputs, live }) => sum + (inputs + 1) * live, 0);
}

/**
 * Fresh parameters `[network][stride]`, the same for all networks as in KiloNeRF: weights Kaiming-uniform, `+-g sqrt(3 / inputs)`
 * with the gain g = sqrt(2) before a ReLU and 1 elsewhere; biases uniform in `+-1 / sqrt(inputs)`, PyTorch's default.
 *
 * @param densityBias bias of the raw density in place of a random one: `ln` of the density per world unit to start with
 */
export function initKilo(
  config: KiloConfig,
  networks: number,
  seed: number,
  densityBias: number,
): Float32Array<ArrayBuffer> {
  const layout = kiloLayout(config), rng = new Pcg(seed);
  const one = new Float32Array(layout.stride);
  for (const layer of layersOf(layout)) {
    const { inputs, outputs, live, offset } = layer;
    const rectified = layout.trunk.includes(layer) || layer === layout.direction;
    const bound = Math.sqrt((rectified ? 6 : 3) / inputs);
    for (let i = 0; i < inputs; i++) {
      for (let o = 0; o < live; o++) one[offset + i * outputs + o] = rng.uniform(-bound, bound);
    }
    for (let o = 0; o < live; o++) {
      const bias = rng.uniform(-1, 1) / Math.sqrt(inputs);
      one[offset + inputs * outputs + o] = layer === layout.density ? densityBias : bias;
    }
  }
  const all = new Float32Array(networks * layout.stride);
  for (let n = 0; n < networks; n++) all.set(one, n * layout.stride);
  return all;
}
