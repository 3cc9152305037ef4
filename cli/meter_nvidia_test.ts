import assert from "node:assert/strict";
import { adapter, H100, H100_ID, Machine, never } from "./_meter_fixtures.ts";
import { chooseGpu, parseGpus, parseProcessBytes, surveyNvidia } from "./meter_nvidia.ts";

const line = (index: number, id: string, name: string, power: string, memory: string) =>
  `${index}, ${id}, ${name}, ${power}, ${memory}\n`;
const h100 = line(0, H100_ID, H100, "69.52", "1234");

Deno.test("parseGpus reads watts and mebibytes", () => {
  assert.deepEqual(parseGpus(h100), [{ uuid: H100_ID, name: H100, watts: 69.52, deviceBytes: 1234 * 2 ** 20 }]);
});

Deno.test("parseGpus leaves out what is not supported", () => {
  for (const no of ["[N/A]", "[Not Supported]", "[Unknown Error]", "", "-5", "NaN", "1e3"]) {
    assert.deepEqual(parseGpus(line(0, H100_ID, H100, no, no)), [{ uuid: H100_ID, name: H100 }], no);
  }
});

Deno.test("parseGpus takes nothing from rubbish", () => {
  const failed = "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.\n";
  for (const text of ["", failed, "0, x\n", "index, uuid, name, power.draw [W], memory.used [MiB]\n", "\0\0,,,,\n"]) {
    assert.deepEqual(parseGpus(text), [], text);
  }
});

Deno.test("chooseGpu takes the GPU of the adapter's name", () => {
  const gpus = parseGpus(line(0, "GPU-a", "NVIDIA GeForce RTX 3080", "20.1", "5") + h100);
  assert.equal((chooseGpu(gpus, H100) as { uuid: string }).uuid, H100_ID);
  assert.equal((chooseGpu(gpus, "NVIDIA GeForce RTX 3080/PCIe/SSE2") as { uuid: string }).uuid, "GPU-a");
  assert.match(chooseGpu(gpus, "NVIDIA GeForce RTX 3080 Ti") as string, /none is NVIDIA GeForce RTX 3080 Ti/);
});

Deno.test("chooseGpu takes the only one and refuses to guess between two of the same name", () => {
  assert.equal((chooseGpu(parseGpus(h100), "Microsoft Direct3D12 (NVIDIA)") as { uuid: string }).uuid, H100_ID);
  const two = parseGpus(h100 + line(1, "GPU-b", H100, "320.00", "12345"));
  assert.equal(chooseGpu(two, H100), `2 GPUs are called ${H100}: which one computes cannot be told`);
  assert.equal(chooseGpu([], H100), "nvidia-smi lists no GPU");
});

Deno.test("parseProcessBytes finds this process on this GPU only", () => {
  const text =
    `GPU-b, 42, /usr/bin/deno, 7\n${H100_ID}, 41, /usr/bin/deno, 8\n${H100_ID}, 42, /usr/local/bin/deno, 600\n`;
  assert.equal(parseProcessBytes(text, H100_ID, 42), 600 * 2 ** 20);
  assert.equal(parseProcessBytes(text, H100_ID, 43), undefined);
  assert.equal(parseProcessBytes(`${H100_ID}, 42, python, 600\n`, H100_ID, 42), undefined, "another program's number");
  assert.equal(parseProcessBytes(`${H100_ID}, 42, deno, [N/A]\n`, H100_ID, 42), undefined);
});

Deno.test("surveyNvidia says what it found, or why nothing", async () => {
  const machine = new Machine();
  const survey = () => surveyNvidia(machine.ask, adapter(H100, 0x10de), 42, never);
  assert.equal((await survey()).power.text, "nvidia-smi is not installed");
  machine.gpus = h100;
  assert.equal((await survey()).power.text, `nvidia-smi (${H100}), 69.52 W now`);
  assert.equal((await survey()).memory.text, `nvidia-smi (${H100}), 1.205 GiB now, by all programs together`);
  machine.gpus = line(0, H100_ID, H100, "[N/A]", "1234");
  const half = await survey();
  assert.deepEqual([half.power.measured, half.memory.measured, half.source !== undefined], [false, true, true]);
  machine.gpus = line(0, H100_ID, H100, "[N/A]", "[N/A]");
  assert.equal((await survey()).source, undefined);
});

Deno.test("surveyNvidia asks for the memory of this process only while it may be listed", async () => {
  const machine = new Machine();
  machine.gpus = h100;
  const { source } = await surveyNvidia(machine.ask, adapter(H100, 0x10de), 42, never);
  machine.processes = `${H100_ID}, 42, deno, 600\n`;
  assert.equal((await source?.read(never))?.processBytes, 600 * 2 ** 20);
  machine.processes = "";
  for (let read = 0; read < 20; read++) await source?.read(never);
  const asked = machine.asked.filter(({ args }) => args[0]?.startsWith("--query-compute-apps"));
  assert.equal(asked.length, 11);
});
