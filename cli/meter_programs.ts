/** Starting `cat` and `nvidia-smi` for a meter, for two seconds at most. */

import { messageOf } from "../runner/errors.ts";
import type { Answer } from "../runner/process.ts";
import type { MeterProgram } from "./meter_source.ts";

/** How long a program may take, in milliseconds. */
export const PATIENCE_MS = 2000;

/**
 * An `Ask` (see `meter_source.ts`) that starts real programs. It never prompts for a permission, kills a program that takes longer than
 * {@link PATIENCE_MS} or whose signal is raised, and gives it no environment but its path and the plain locale.
 */
export async function askBriefly(
  program: MeterProgram,
  args: readonly string[],
  signal: AbortSignal,
  patienceMs = PATIENCE_MS,
): Promise<Answer> {
  const refused = (stderr: string): Answer => ({ ok: false, stdout: "", stderr });
  // Also the state of a program that is allowed but not installed; starting one that is not allowed would ask the user.
  if (Deno.permissions.querySync({ name: "run", command: program }).state !== "granted") {
    return refused(`${program} is not installed, or may not be started (--allow-run=${program})`);
  }
  const stop = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const given = AbortSignal.any([signal, stop.signal]);
  // A program that hangs in the kernel does not die when it is killed: so the answer does not wait for its end.
  const cut = new Promise<Answer>((resolve) => {
    const end = (why: string) => () => {
      stop.abort();
      resolve(refused(`${program} ${why}`));
    };
    timer = setTimeout(end(`took longer than ${patienceMs / 1000} s`), patienceMs);
    if (signal.aborted) end("was stopped")();
    else signal.addEventListener("abort", end("was stopped"), { signal: stop.signal });
  });
  try {
    return await Promise.race([cut, collect(program, args, given)]);
  } catch (error) {
    return refused(messageOf(error));
  } finally {
    clearTimeout(timer);
    stop.abort();
  }
}

async function collect(program: MeterProgram, args: readonly string[], signal: AbortSignal): Promise<Answer> {
  const path = Deno.env.get("PATH");
  const output = await new Deno.Command(program, {
    args: [...args],
    stdin: "null",
    clearEnv: true,
    env: { ...(path === undefined ? {} : { PATH: path }), LC_ALL: "C" },
    signal,
  }).output();
  const text = new TextDecoder();
  return { ok: output.success, stdout: text.decode(output.stdout), stderr: text.decode(output.stderr) };
}
