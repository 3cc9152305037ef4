/**
 * Generates the kernels that evaluate one of KiloUniform's networks per workgroup, forward and back, and sum its weight
 * gradients. Everything is unrolled, which neither WGSL nor its constants can express: activations live in variables, and
 * weights are read from workgroup memory at constant addresses outside any loop or condition, where the CPU driver broadcasts
 * one scalar instead of gathering eight lanes (70 GFLOP/s against 15 to 18 with loops over weights in storage). Hence no early
 * return: lanes beyond a tile's end repeat its last sample, and write the same bits to the same place.
 *
 * @module
 */
import { link } from "../link.ts";
import { encodedWidth, type KiloConfig, type KiloLayer, kiloLayout } from "./kilo_layout.ts";
import head from "./radiance_head.wgsl" with { type: "text" };

/**
 * Evaluations per tile, which are threads per workgroup. A tile costs its network's way into workgroup memory, about as much as 13
 * evaluations on the CPU driver, and as much time half empty as full; training spreads fewer evaluations over the networks than
 * rendering does (measured at 64 and 512 each).
 */
export function kiloTile(training: boolean): number {
  return training ? 32 : 64;
}

/**
 * vec4 accumulators at a time (on llvmpipe 1, 3 and 4 are slower by 4, 8 and 15 %; 2 samples per thread take twice as long, as the
 * driver then spills).
 */
const ACCUMULATORS = 2;
/** Octaves from one direct sine to the next; between them the angle is doubled, which doubles the error each time. */
const DIRECT_EVERY = 5;

const range = (n: number) => [...Array(n).keys()];
const COMPONENTS = ["x", "y", "z", "w"] as const;
const scalars = (vectors: readonly string[]) => vectors.flatMap((v) => COMPONENTS.map((c) => `${v}.${c}`));
const pad4 = (n: number) => Math.ceil(n / 4) * 4;

/** Columns, in vec4, of the two tables that training keeps, a row per evaluation in sorted order. */
export interface KiloColumns {
  /** First column of what goes into each layer of the trunk; then the last hidden layer's outputs. */
  readonly trunk: readonly number[];
  /** Feature vector, then the encoded direction. */
  readonly feature: number;
  /** Outputs of the direction layer. */
  readonly direction: number;
  /** Bits of the units that are on, one word per hidden layer and one for the direction layer, in one vec4. */
  readonly masks: number;
  /** Columns of the table of activations. */
  readonly activations: number;
  /** Gradients before the activation: of each layer of the trunk, ... */
  readonly trunkGradient: readonly number[];
  readonly featureGradient: number;
  readonly directionGradient: number;
  /** ... and of red, green, blue and the raw density, in one vec4. */
  readonly headGradient: number;
  /** Columns of the table of gradients. */
  readonly gradients: number;
}

/** Where training keeps what: 896 bytes of activations and 528 of gradients per evaluation with KiloNeRF's own setting. */
export function kiloColumns(config: KiloConfig): KiloColumns {
  const width4 = config.width / 4, hidden = range(config.hiddenLayers);
  const position4 = pad4(encodedWidth(config.positionOctaves)) / 4;
  const direction4 = pad4(encodedWidth(config.directionOctaves)) / 4;
  const feature = position4 + config.hiddenLayers * width4;
  const direction = feature + width4 + direction4;
  const masks = direction + width4;
  const featureGradient = config.hiddenLayers * width4;
  return {
    trunk: [0, ...hidden.map((l) => position4 + l * width4)],
    feature,
    direction,
    masks,
    activations: masks + 1,
    trunkGradient: hidden.map((l) => l * width4),
    featureGradient,
    directionGradient: featureGradient + width4,
    headGradient: featureGradient + 2 * width4,
    gradients: featureGradient + 2 * width4 + 1,
  };
}

/** vec4 that the forward pass needs in workgroup memory: a whole network. */
function forwardSpan(config: KiloConfig): { first: number; count: number } {
  const { colour } = kiloLayout(config);
  return { first: 0, count: colour.offset / 4 + colour.inputs + 1 };
}

/** The backward pass needs no weights of the first layer. */
function backwardSpan(config: KiloConfig): { first: number; count: number } {
  const layout = kiloLayout(config), all = forwardSpan(config);
  const first = (layout.trunk[1] ?? layout.density).offset / 4;
  return { first, count: all.count - first };
}

/** Bytes of workgroup memory that the evaluation needs. */
export function kiloWorkgroupBytes(config: KiloConfig): number {
  return forwardSpan(config).count * 16;
}

/** Collects the lines of one kernel; `span` is what it holds in workgroup memory. */
class Unrolled {
  readonly lines: string[] = [];
  readonly #first: number;
  #names = 0;

  constructor(span: { readonly first: number }) {
    this.#first = span.first;
  }

  /** Defines a value and returns its name. */
  let(expression: string): string {
    const name = `v${this.#names++}`;
    this.lines.push(`let ${name} = ${expression};`);
    return name;
  }

  /** vec4 of the network's block that begins at a float. */
  weights(float: number): string {
    return `weights[${float / 4 - this.#first}]`;
  }

  /** A vector of three and its sines and cosines, as scalars. */
  encode(x: string, octaves: number): string[] {
    const out = ["x", "y", "z"].map((c) => `${x}.${c}`);
    let sine = "", cosine = "";
    for (const k of range(octaves)) {
      [sine, cosine] = k % DIRECT_EVERY === 0
        ? [this.let(`sin(${x} * ${2 ** k}.0)`), this.let(`cos(${x} * ${2 ** k}.0)`)]
        : [this.let(`2.0 * ${sine} * ${cosine}`), this.let(`1.0 - 2.0 * ${sine} * ${sine}`)];
      for (const v of [sine, cosine]) out.push(...["x", "y", "z"].map((c) => `${v}.${c}`));
    }
    return out;
  }

  /** `x W + b` before the activation, as vec4. */
  dense({ inputs, outputs, offset }: KiloLayer, x: readonly string[]): string[] {
    const sums: string[] = [];
    for (let first = 0; first < outputs; first += 4 * ACCUMULATORS) {
      const columns = range(Math.min(4 * ACCUMULATORS, outputs - first) / 4).map((j) => first + 4 * j);
      const names = columns.map((o) => {
        const name = `a${this.#names++}`;
        this.lines.push(`var ${name} = ${this.weights(offset + inputs * outputs + o)};`);
        return name;
      });
      for (const i of range(inputs)) {
        this.lines.push(
          columns.map((o, j) => `${names[j]} += ${x[i]} * ${this.weights(offset + i * outputs + o)};`).join(" "),
        );
      }
      sums.push(...names);
    }
    return sums;
  }

  /** `g W^T` of the first inputs, as vec4; `outputs` vectors of `g` are read. */
  transposed({ outputs, offset }: KiloLayer, inputs: number, g: readonly string[]): string[] {
    const row = (i: number) => g.map((v, j) => `dot(${this.weights(offset + i * outputs + 4 * j)}, ${v})`).join(" + ");
    return range(inputs / 4).map((k) => this.let(`vec4f(${range(4).map((c) => row(4 * k + c)).join(", ")})`));
  }
}

/** Units that are on. NaN is: a comparison the other way round would turn it into 0. */
const on = (v: string) => `!(${v} <= vec4f())`;
const rectified = (v: string) => `select(vec4f(), ${v}, ${on(v)})`;
/** Bits of the units of vec4 number k. */
const bitsOf = (k: number) => `(vec4u(1u, 2u, 4u, 8u) << vec4u(${4 * k}u))`;
const maskOf = (h: readonly string[]) =>
  h.map((v, k) => `dot(select(vec4u(), ${bitsOf(k)}, ${on(v)}), vec4u(1u))`).join(" + ");
const masked = (v: string, mask: string, k: number) =>
  `select(vec4f(), ${v}, (vec4u(${mask}) & ${bitsOf(k)}) != vec4u())`;

/** Bindings 0 to 3, the tile of this workgroup and its network's weights. */
function evaluation(
  config: KiloConfig,
  tile: number,
  span: { readonly first: number; readonly count: number },
  bindings: readonly string[],
  body: readonly string[],
): string {
  return link(
    { TILE: tile, FIRST: span.first, COUNT: span.count, STRIDE: kiloLayout(config).stride / 4 },
    head,
    `struct Ray { origin: vec3f, near: f32, direction: vec3f, far: f32 }
@group(0) @binding(0) var<storage, read> tiles: array<vec4u>; // [0]: number of tiles; then network, first, count
@group(0) @binding(1) var<storage, read> parameters: array<vec4f>; // [network][STRIDE]
@group(0) @binding(2) var<storage, read> order: array<u32>; // evaluations, sorted by network
@group(0) @binding(3) var<storage, read> places: array<vec4f>; // [evaluation] local position, weight
${bindings.map((b, i) => `@group(0) @binding(${4 + i}) var<storage, ${b};`).join("\n")}
var<workgroup> weights: array<vec4f, COUNT>;

@compute @workgroup_size(TILE) fn main(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  // Workgroups in excess, where tiles were split over two dimensions, repeat the last tile.
  let tile = tiles[1u + min(id.x + id.z * groups.x, tiles[0].x - 1u)];
  let end = COUNT + tile.w; // 0, but not constant: the CPU driver would unroll the loop
  for (var k = lane; k < end; k += TILE) { weights[k] = parameters[tile.x * STRIDE + FIRST + k]; }
  workgroupBarrier();
  let at = tile.y + min(lane, tile.z - 1u);
  let evaluation = order[at];
  let place = places[evaluation];
  ${body.join("\n  ")}
}`,
  );
}

/** Sample of an evaluation: with blending there are more evaluations than samples. */
const sampleOf = (config: KiloConfig) => config.blend > 0 ? "parents[evaluation]" : "evaluation";
const parents = (config: KiloConfig) => config.blend > 0 ? ["read> parents: array<u32>"] : [];

/**
 * Evaluation of every network. Bindings: tiles, parameters, order, places, owners, rays, heads (out: `[evaluation]` colour and raw
 * density), activations when training (out, `[sorted]`), and with blending the evaluations' samples. Dispatch: one workgroup
 * of {@linkcode kiloTile} threads per tile.
 */
export function kiloForwardWgsl(config: KiloConfig, training: boolean): string {
  const { trunk, density, feature, direction, colour } = kiloLayout(config);
  const span = forwardSpan(config), u = new Unrolled(span);
  const position = u.encode("place.xyz", config.positionOctaves);
  const view = u.encode(u.let(`rays[owners[${sampleOf(config)}]].direction`), config.directionOctaves);
  const kept: string[] = [], masks: string[] = [];
  const keep = (x: readonly string[]) => {
    for (let i = 0; i < x.length; i += 4) {
      kept.push(`vec4f(${range(4).map((c) => x[i + c] ?? "0.0").join(", ")})`);
    }
    return x;
  };
  const relu = (sums: readonly string[]) => {
    masks.push(maskOf(sums));
    return sums.map((v) => u.let(rectified(v)));
  };
  let h = keep(position);
  for (const layer of trunk) h = keep(scalars(relu(u.dense(layer, h))));
  const raw = u.let(
    [
      `${u.weights(density.offset + density.inputs)}.x`,
      ...range(density.inputs / 4).map((k) =>
        `dot(${u.weights(density.offset + 4 * k)}, vec4f(${h.slice(4 * k, 4 * k + 4).join(", ")}))`
      ),
    ].join(" + "),
  );
  const features = keep(scalars(u.dense(feature, h)));
  const last = keep(scalars(relu(u.dense(direction, [...features, ...keep(view)]))));
  const [rgb] = u.dense(colour, last);
  u.lines.push(`heads[evaluation] = vec4f(sigmoid(${rgb}.xyz), ${raw});`);
  if (training) {
    const columns = kiloColumns(config);
    kept.forEach((v, k) => u.lines.push(`activations[at * ${columns.activations}u + ${k}u] = bitcast<vec4u>(${v});`));
    u.lines.push(
      `activations[at * ${columns.activations}u + ${columns.masks}u] = vec4u(${
        range(4).map((l) => masks[l] ?? "0u").join(", ")
      });`,
    );
  }
  return evaluation(config, kiloTile(training), span, [
    "read> owners: array<u32>",
    "read> rays: array<Ray>",
    "read_write> heads: array<vec4f>",
    ...(training ? ["read_write> activations: array<vec4u>"] : []),
    ...parents(config),
  ], u.lines);
}

/**
 * From the gradients of density and colour to those of every layer's sums. Bindings: tiles, parameters, order, places, heads,
 * dL/ddensity, dL/dvalues, activations (for their masks), gradients (out, `[sorted]`), and with blending the evaluations'
 * samples. Dispatch as the forward pass.
 */
export function kiloBackwardWgsl(config: KiloConfig): string {
  const { trunk, density, feature, direction, colour } = kiloLayout(config);
  const span = backwardSpan(config), columns = kiloColumns(config), u = new Unrolled(span);
  const keep = (g: readonly string[], column: number) => {
    g.forEach((v, k) => u.lines.push(`gradients[at * ${columns.gradients}u + ${column + k}u] = ${v};`));
    return g;
  };
  const behindRelu = (g: readonly string[], word: number) =>
    g.map((v, k) => u.let(masked(v, `masks.${COMPONENTS[word]}`, k)));
  const hidden = config.hiddenLayers;
  u.lines.push(
    `let masks = activations[at * ${columns.activations}u + ${columns.masks}u];`,
    "let head = heads[evaluation];",
    `let sample = ${sampleOf(config)};`,
    "let rgb = place.w * value_gradient[sample].xyz * head.xyz * (1.0 - head.xyz);",
    "let raw = place.w * density_gradient[sample] * density_slope(head.w);",
  );
  keep(["vec4f(rgb, raw)"], columns.headGradient);
  const last = keep(
    behindRelu(u.transposed(colour, config.width, ["vec4f(rgb, 0.0)"]), hidden),
    columns.directionGradient,
  );
  const features = keep(u.transposed(direction, config.width, last), columns.featureGradient);
  let g = u.transposed(feature, config.width, features)
    .map((v, k) => u.let(`${v} + raw * ${u.weights(density.offset + 4 * k)}`));
  for (let l = hidden - 1; l >= 0; l--) {
    const below = keep(behindRelu(g, l), columns.trunkGradient[l]!);
    if (l > 0) g = u.transposed(trunk[l]!, config.width, below);
  }
  return evaluation(config, kiloTile(true), span, [
    "read> heads: array<vec4f>",
    "read> density_gradient: array<f32>",
    "read> value_gradient: array<vec4f>",
    "read> activations: array<vec4u>",
    "read_write> gradients: array<vec4f>",
    ...parents(config),
  ], u.lines);
}
