/** `doctor`: whether experiments can run on this machine, and what to do if not. */

import { openGpu } from "../kernels/device.ts";
import { selfCheck } from "../kernels/self_check.ts";
import type { Fingerprint } from "../runner/environment.ts";
import { messageOf } from "../runner/errors.ts";
import { byteText } from "../runner/memory.ts";
import { ask } from "../runner/process.ts";
import { gpuEnvironment } from "./environment.ts";
import { askBriefly } from "./meter_programs.ts";
import { surveyMeter } from "./power_meter.ts";
import { root, stillroomFolder } from "./project.ts";
import { alignColumns, Paint } from "./table.ts";

/** Runs the command: 0 when experiments can run here, otherwise 1. */
export async function doctorCommand(): Promise<number> {
  const paint = new Paint();
  const rows: string[][] = [];
  let well = true;
  const say = (state: "ok" | "note" | "bad", what: string, text: string, hint = "") => {
    const mark = state === "ok" ? paint.green("ok") : state === "note" ? paint.yellow("note") : paint.red("BAD");
    rows.push([mark, what, text]);
    if (hint !== "") rows.push(["", "", paint.dim(hint)]);
    if (state === "bad") well = false;
  };

  const pinned = (await Deno.readTextFile(`${stillroomFolder}/.deno-version`).catch(() => "")).trim();
  const running = Deno.version.deno;
  if (pinned === "" || pinned === running) {
    say("ok", "Deno", `${running}, V8 ${Deno.version.v8}, TypeScript ${Deno.version.typescript}`);
  } else {say(
      "note",
      "Deno",
      `${running} is running, ${pinned} is pinned`,
      "./setup.sh installs the pinned one; keys and results may differ",
    );}
  const onPath = await ask("deno", ["--version"]);
  if (!onPath.ok) {
    say(
      "bad",
      "deno on PATH",
      `cannot be started: ${onPath.stderr}`,
      "add the folder of deno to PATH; run needs it to type-check and to hash code",
    );
  }
  const git = await ask("git", ["rev-parse", "--short", "HEAD"], root);
  say(
    git.ok ? "ok" : "note",
    "git",
    git.ok ? `commit ${git.stdout.trim()}` : "no repository: runs will carry no commit",
  );
  say(
    "ok",
    "system",
    `${Deno.build.os} ${Deno.build.arch}, ${navigator.hardwareConcurrency} CPU threads, ${
      byteText(Deno.systemMemoryInfo().total)
    } memory`,
  );

  const environment = gpuEnvironment();
  let print: Fingerprint | undefined;
  try {
    print = await environment.fingerprint();
  } catch (error) {
    say("bad", "adapter", messageOf(error), hintWithoutAdapter());
  }
  if (print) {
    say(
      "ok",
      "adapter",
      [print.description, print.vendor && `vendor ${print.vendor}`, print.driver].filter(Boolean).join(", "),
    );
    const slow = Deno.build.os === "linux" && !/vulkan/i.test(print.backend);
    say(
      slow ? "note" : "ok",
      "backend",
      print.backend,
      slow
        ? "Deno fell back from Vulkan: no Vulkan driver was found, run ./setup.sh; DENO_WEBGPU_BACKEND=vulkan shows what Vulkan alone gives"
        : "",
    );
    const wanted = ["maxBufferSize", "maxStorageBufferBindingSize", "maxComputeWorkgroupStorageSize"];
    const sizes = wanted.map((name) => `${name} ${byteText(print.limits[name] ?? 0)}`);
    const counts = ["maxStorageBuffersPerShaderStage", "maxComputeInvocationsPerWorkgroup"].map((name) =>
      `${name} ${print.limits[name]}`
    );
    for (const limit of [...sizes, ...counts]) say("ok", "limit", limit);
    try {
      const before = performance.now();
      const checked = await selfCheck(await openGpu());
      const took = `${checked.message} (${Math.round(performance.now() - before)} ms)`;
      say(
        checked.ok ? "ok" : "bad",
        "self-check",
        took,
        checked.ok ? "" : "the driver computes wrong numbers: update it",
      );
    } catch (error) {
      say("bad", "self-check", messageOf(error));
    }
  }
  const meter = await surveyMeter({ ask: askBriefly, now: () => performance.now(), adapter: print });
  for (const [what, verdict] of [["power", meter.power], ["GPU memory, measured", meter.memory]] as const) {
    const { measured, text, hint } = verdict;
    say(measured ? "ok" : "note", what, measured ? text : `not measured: ${text}`, hint);
  }
  console.log(alignColumns(rows));
  console.log(
    well ? "\nExperiments can run here: deno task list shows them" : "\nExperiments cannot run here yet",
  );
  return well ? 0 : 1;
}

function hintWithoutAdapter(): string {
  if (Deno.build.os !== "linux") return "update the graphics driver";
  const backend = Deno.env.get("DENO_WEBGPU_BACKEND");
  return backend
    ? `DENO_WEBGPU_BACKEND=${backend} is set and gives no adapter: no ${backend} driver, run ./setup.sh`
    : "no Vulkan driver was found: run ./setup.sh";
}
