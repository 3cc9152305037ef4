import assert from "node:assert/strict";
import { adapter, H100, H100_ID, llvmpipe, Machine } from "./_meter_fixtures.ts";
import { openMeter } from "./power_meter.ts";

const nvidia = adapter(H100, 0x10de, 0x2330);
const COUNTER = "/sys/class/powercap/intel-rapl:0/energy_uj";

function gpu(machine: Machine, watts: string, mebibytes: number): void {
  machine.gpus = `0, ${H100_ID}, ${H100}, ${watts}, ${mebibytes}\n`;
}

function processor(machine: Machine, microjoules: number): void {
  machine.files.set("/sys/class/powercap/intel-rapl:0/name", "package-0");
  machine.files.set("/sys/class/powercap/intel-rapl:0/max_energy_range_uj", "262143328850");
  machine.files.set(COUNTER, String(microjoules));
}

const open = (machine: Machine, device = nvidia) =>
  openMeter({ ask: machine.ask, now: machine.now, later: machine.later, adapter: device, pid: 42 });

Deno.test("openMeter measures a stage with nvidia-smi", async () => {
  const machine = new Machine();
  gpu(machine, "70.00", 500);
  const meter = await open(machine);
  await meter?.start();
  gpu(machine, "300.00", 900);
  await machine.pass(10_000);
  gpu(machine, "300.00", 600);
  assert.deepEqual(await meter?.stop(), {
    energyJoules: 2885, // the first second is between 70 and 300 W
    meanWatts: 288.5,
    gpuDriverPeakBytes: 900 * 2 ** 20,
    source: "nvidia-smi",
  });
  assert.equal(machine.waiting, 0);
});

Deno.test("openMeter takes the memory of this process where it is listed, and says so", async () => {
  const machine = new Machine();
  gpu(machine, "70.00", 500);
  const meter = await open(machine);
  await meter?.start();
  machine.processes = `${H100_ID}, 42, /usr/local/bin/deno, 120\n`;
  await machine.pass(3000);
  const found = await meter?.stop();
  assert.equal(found?.gpuDriverPeakBytes, 120 * 2 ** 20);
  assert.equal(found?.source, "nvidia-smi, memory of this process");
});

Deno.test("openMeter leaves power empty where nvidia-smi has none, and keeps the memory", async () => {
  const machine = new Machine();
  gpu(machine, "[N/A]", 500);
  const meter = await open(machine);
  await meter?.start();
  await machine.pass(5000);
  assert.deepEqual(await meter?.stop(), { gpuDriverPeakBytes: 500 * 2 ** 20, source: "nvidia-smi" });
});

Deno.test("openMeter leaves power empty in a stage shorter than one interval", async () => {
  const machine = new Machine();
  gpu(machine, "70.00", 500);
  const meter = await open(machine);
  await meter?.start();
  await machine.pass(400);
  assert.deepEqual(await meter?.stop(), { gpuDriverPeakBytes: 500 * 2 ** 20, source: "nvidia-smi" });
});

Deno.test("openMeter measures the processor's energy under a software driver, over a wrap, stage by stage", async () => {
  const machine = new Machine();
  processor(machine, 262_100_000_000);
  const meter = await open(machine, llvmpipe);
  await meter?.start();
  const watts = 25;
  await machine.pass(4000, () => processor(machine, (262_100e6 + machine.time * watts * 1000) % 262_143_328_850));
  const first = await meter?.stop();
  assert.ok(Math.abs((first?.energyJoules ?? NaN) - 100) < 1e-6, `${first?.energyJoules} J`);
  assert.equal(first?.source, "rapl:package-0");
  await meter?.start();
  await machine.pass(500);
  machine.files.set(COUNTER, new Error("Permission denied"));
  assert.deepEqual(await meter?.stop(), {});
});

Deno.test("openMeter gives undefined where nothing can be read", async () => {
  assert.equal(await open(new Machine()), undefined);
  assert.equal(await open(new Machine(), llvmpipe), undefined);
  assert.equal(await open(new Machine(), adapter("Apple M3")), undefined);
  const machine = new Machine();
  assert.equal(await openMeter({ ask: machine.ask, now: machine.now }), undefined);
  assert.equal(
    await openMeter({ ask: () => Promise.reject(new Error("broken")), now: machine.now, adapter: nvidia }),
    undefined,
  );
});

Deno.test("openMeter's reading is empty when the program fails during the stage, and it is asked no more", async () => {
  const machine = new Machine();
  gpu(machine, "70.00", 500);
  const meter = await open(machine);
  machine.gpus = undefined;
  await meter?.start();
  await machine.pass(100_000);
  assert.deepEqual(await meter?.stop(), {});
  assert.equal(machine.asked.length, 1 + 3);
  gpu(machine, "70.00", 500);
  await meter?.start();
  await machine.pass(2000);
  assert.equal((await meter?.stop())?.meanWatts, 70, "the next stage tries again");
});

Deno.test("openMeter samples so rarely that asking takes under one part in a hundred", async () => {
  const machine = new Machine();
  processor(machine, 0);
  const meter = await open(machine, llvmpipe);
  machine.takes = 40;
  await meter?.start();
  const before = machine.asked.length;
  await machine.pass(100_000);
  assert.equal(machine.asked.length - before, 24); // every 4.04 seconds
  await meter?.stop();
});

Deno.test("Meter.close ends the sampling and stops the program under way", async () => {
  const machine = new Machine();
  gpu(machine, "70.00", 500);
  const meter = await open(machine);
  await meter?.start();
  assert.equal(machine.waiting, 1);
  meter?.close();
  assert.equal(machine.waiting, 0);
  assert.equal(machine.asked.at(-1)?.signal.aborted, true);
  assert.deepEqual(await meter?.stop(), {});
  const before = machine.asked.length;
  await meter?.start();
  assert.equal(machine.asked.length, before);
  assert.equal(machine.waiting, 0);
});
