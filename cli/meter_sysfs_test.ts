import assert from "node:assert/strict";
import { adapter, llvmpipe, Machine, never } from "./_meter_fixtures.ts";
import { isSoftware, readLines, surveyCard, surveyRapl } from "./meter_sysfs.ts";

const denied = new Error("Permission denied");
const radeon = adapter("AMD Radeon RX 7900 XTX (RADV NAVI31)", 0x1002, 0x744c);

function rapl(machine: Machine, zone: number, name: string, energy: string | Error): void {
  const path = `/sys/class/powercap/intel-rapl:${zone}`;
  machine.files.set(`${path}/name`, name);
  machine.files.set(`${path}/max_energy_range_uj`, "262143328850");
  machine.files.set(`${path}/energy_uj`, energy);
}

function card(machine: Machine, index: number, driver: string, files: Record<string, string | Error>): void {
  const path = `/sys/class/drm/card${index}/device`;
  machine.files.set(`${path}/vendor`, "0x1002");
  machine.files.set(`${path}/device`, "0x744c");
  machine.files.set(`${path}/hwmon/hwmon${index + 3}/name`, driver);
  for (const [name, text] of Object.entries(files)) {
    machine.files.set(name.startsWith("mem") ? `${path}/${name}` : `${path}/hwmon/hwmon${index + 3}/${name}`, text);
  }
}

Deno.test("readLines gives each file its own line though others cannot be read", async () => {
  const machine = new Machine();
  machine.files.set("/sys/b", "2").set("/sys/d", "4").set("/sys/c", denied);
  const { found, denied: refused } = await readLines(machine.ask, ["/sys/a", "/sys/b", "/sys/c", "/sys/d"], never);
  assert.deepEqual([...found], [["/sys/b", "2"], ["/sys/d", "4"]]);
  assert.equal(refused, true);
});

Deno.test("readLines takes nothing when lines and files do not add up", async () => {
  for (const text of ["1\n2", ""]) {
    const machine = new Machine();
    machine.files.set("/sys/a", text).set("/sys/b", "3");
    const paths = text === "" ? ["/sys/b", "/sys/a", "/sys/a"] : ["/sys/a", "/sys/b"];
    const ask: typeof machine.ask = async (...words) => {
      const answer = await machine.ask(...words);
      return { ...answer, stdout: text === "" ? "3\n" : answer.stdout };
    };
    assert.equal((await readLines(ask, paths, never)).found.size, 0);
  }
});

Deno.test("readLines understands the complaints of BusyBox", async () => {
  const stderr = "cat: can't open '/sys/a': No such file or directory\n";
  const ask = () => Promise.resolve({ ok: false, stdout: "7\n", stderr });
  assert.deepEqual([...(await readLines(ask, ["/sys/a", "/sys/b"], never)).found], [["/sys/b", "7"]]);
});

Deno.test("isSoftware knows software drivers by name", () => {
  assert.equal(isSoftware(llvmpipe), true);
  assert.equal(isSoftware(adapter("SwiftShader Device (Subzero)")), true);
  assert.equal(isSoftware(radeon), false);
});

Deno.test("surveyRapl sums all packages and leaves other zones out", async () => {
  const machine = new Machine();
  rapl(machine, 0, "package-0", "1000000");
  rapl(machine, 1, "psys", "900000000");
  rapl(machine, 2, "package-1", "2500000");
  const { source, power, memory } = await surveyRapl(machine.ask, never);
  assert.equal(source?.name, "rapl:package-0+package-1");
  assert.deepEqual(await source?.read(never), { joules: [1, 2.5] });
  assert.deepEqual(source?.wraps, [262143.32885, 262143.32885]);
  assert.deepEqual([power.measured, memory.measured], [true, false]);
});

Deno.test("surveyRapl gives nothing when one package may not be read", async () => {
  const machine = new Machine();
  rapl(machine, 0, "package-0", "1000000");
  rapl(machine, 1, "package-1", denied);
  const { source, power } = await surveyRapl(machine.ask, never);
  assert.equal(source, undefined);
  assert.equal(power.text, "the RAPL counters may be read by root only");
  assert.match(power.hint ?? "", /chmod a\+r/);
});

Deno.test("surveyRapl says when there are no counters, or no cat", async () => {
  assert.match((await surveyRapl(new Machine().ask, never)).power.text, /shows no RAPL counters/);
  const ask = () => Promise.resolve({ ok: false, stdout: "", stderr: "cat is not installed" });
  assert.equal((await surveyRapl(ask, never)).power.text, "cat is not installed");
});

Deno.test("surveyCard reads microwatts of the card with the adapter's PCI numbers", async () => {
  const machine = new Machine();
  card(machine, 1, "amdgpu", { power1_average: "87000000", mem_info_vram_used: "1073741824" });
  machine.files.set("/sys/class/drm/card0/device/vendor", "0x8086").set("/sys/class/drm/card0/device/device", "0x46a6");
  const { source, power, memory } = await surveyCard(machine.ask, radeon, never);
  assert.equal(source?.name, "hwmon:amdgpu");
  assert.deepEqual(await source?.read(never), { watts: 87, deviceBytes: 2 ** 30 });
  assert.equal(power.text, "hwmon:amdgpu (power1_average)");
  assert.equal(memory.text, "mem_info_vram_used, 1 GiB now, by all programs together");
});

Deno.test("surveyCard prefers an energy counter, and power1_input where there is no average", async () => {
  const machine = new Machine();
  card(machine, 0, "xe", { energy1_input: "5000000", power1_input: "3000000" });
  assert.deepEqual(await (await surveyCard(machine.ask, radeon, never)).source?.read(never), { joules: [5] });
  machine.files.delete("/sys/class/drm/card0/device/hwmon/hwmon3/energy1_input");
  assert.deepEqual(await (await surveyCard(machine.ask, radeon, never)).source?.read(never), { watts: 3 });
});

Deno.test("surveyCard gives memory alone where the sensor fails, and nothing invented", async () => {
  const machine = new Machine();
  card(machine, 0, "amdgpu", { power1_average: new Error("Invalid argument"), mem_info_vram_used: "4096" });
  const { source, power } = await surveyCard(machine.ask, radeon, never);
  assert.equal(source?.name, "sysfs");
  assert.equal(power.measured, false);
  assert.deepEqual(await source?.read(never), { deviceBytes: 4096 });
});

Deno.test("surveyCard refuses two cards of the same kind, and finds none that is not there", async () => {
  const machine = new Machine();
  assert.match((await surveyCard(machine.ask, radeon, never)).power.text, /no card under/);
  card(machine, 0, "amdgpu", { power1_average: "1000000" });
  card(machine, 1, "amdgpu", { power1_average: "2000000" });
  const { source, power } = await surveyCard(machine.ask, radeon, never);
  assert.equal(source, undefined);
  assert.match(power.text, /^2 cards are AMD Radeon/);
});
