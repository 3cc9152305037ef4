import assert from "node:assert/strict";
import { openGpu } from "../device.ts";
import { uniform } from "../kernel.ts";
import { Pcg } from "../random/pcg.ts";
import {
  initNetwork,
  type NetworkConfig,
  networkLayout,
  networkParameterCount,
  weightIndex,
} from "./fully_connected.ts";
import { runNetwork } from "./fully_connected_kernel.ts";

const gpu = await openGpu();
const CONFIG: NetworkConfig = { inputs: 5, width: 16, hiddenLayers: 1, outputs: 3, bias: true, head: "none" };

Deno.test("networkLayout pads widths to whole vec4 and starts each layer at a multiple of 256 bytes", () => {
  const { layers, size } = networkLayout(CONFIG);
  assert.deepEqual(layers.map((l) => [l.inputs, l.outputs, l.offset, l.size]), [[8, 16, 0, 144], [16, 4, 192, 68]]);
  assert.equal(size, 320);
  assert.equal(networkLayout(CONFIG, 640).layers[1]!.offset, 832);
});

Deno.test("networkParameterCount does not count padding", () => {
  assert.equal(networkParameterCount(CONFIG), 5 * 16 + 16 + 16 * 3 + 3);
  const bench = { inputs: 32, width: 64, hiddenLayers: 2, outputs: 4, bias: false, head: "none" } as const;
  assert.equal(networkParameterCount(bench), 32 * 64 + 64 * 64 + 64 * 4);
});

Deno.test("networkLayout refuses widths and depths that have no kernel", () => {
  assert.throws(() => networkLayout({ ...CONFIG, width: 48 }), /width must be 16, 32 or 64: found 48/);
  assert.throws(() => networkLayout({ ...CONFIG, hiddenLayers: 4 }), /0 to 3 hidden layers: found 4/);
  assert.throws(() => networkLayout({ ...CONFIG, outputs: 0 }), /at least one input and output: found 5 and 0/);
});

Deno.test("initNetwork draws Xavier-uniform weights and leaves biases and padding at zero", () => {
  const parameters = initNetwork(CONFIG, new Pcg(5));
  for (const [l, layer] of networkLayout(CONFIG).layers.entries()) {
    const { inputs, outputs, offset } = layer;
    const live = { inputs: l === 0 ? 5 : 16, outputs: l === 0 ? 16 : 3 };
    const bound = Math.sqrt(6 / (live.inputs + live.outputs));
    let most = 0;
    for (let i = 0; i <= inputs; i++) {
      for (let o = 0; o < outputs; o++) {
        // The last row holds the biases.
        const w = parameters[i < inputs ? weightIndex(layer, i, o) : offset + inputs * outputs + o]!;
        if (i >= live.inputs || o >= live.outputs) assert.equal(w, 0);
        else most = Math.max(most, Math.abs(w));
      }
    }
    assert.ok(most <= bound && most > 0.8 * bound, `layer ${l}: largest weight ${most}, bound ${bound}`);
  }
  assert.deepEqual(parameters, initNetwork(CONFIG, new Pcg(5)));
});

Deno.test("networkOps: padding that starts at zero gets no gradient, so it stays there", async () => {
  const samples = 20, rng = new Pcg(6);
  const input = uniform(rng, samples * 8).map((x, i) => i % 8 < 5 ? x : 0);
  const gradient = uniform(rng, samples * 4).map((g, i) => i % 4 < 3 ? g : 0);
  const parameters = initNetwork(CONFIG, rng);
  const result = await runNetwork(gpu, CONFIG, { input, parameters }, gradient);
  const [first, second] = networkLayout(CONFIG).layers;
  for (let o = 0; o < 16; o++) {
    for (let i = 5; i < 8; i++) assert.equal(result.parameters[weightIndex(first!, i, o)], 0);
  }
  for (let i = 0; i < 16; i++) assert.equal(result.parameters[weightIndex(second!, i, 3)], 0);
  assert.equal(result.parameters[second!.offset + 16 * 4 + 3], 0);
  assert.ok(result.input.every((g, i) => i % 8 < 5 || g === 0));
  assert.ok(result.output.every((y, i) => i % 4 < 3 || y === 0));
});
