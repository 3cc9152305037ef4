/** Processes that others of ours start and watch: what they print goes to a log, and they can tell when their parent is gone. */

import { appendFile } from "node:fs/promises";
import { childEnvironment } from "../process.ts";

/** How a process is started. */
export interface ChildOptions {
  /** Its working directory. */
  readonly cwd: string;
  /** Variables beside those of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** File that all it prints is appended to. */
  readonly log: string;
  /** A session of its own: Ctrl-C in a terminal does not reach it. */
  readonly detached?: boolean;
}

/** A process that was started. */
export interface Child {
  /** How it ended, once all that it printed is in its log. */
  readonly status: Promise<Deno.CommandStatus>;
  /** Sends a signal; nothing happens when it has ended by itself. */
  kill(signal: Deno.Signal): void;
}

/** Starts a process. Its standard input stays open as long as this process lives, and ends when it is gone, however it went. */
export function startChild(program: string, args: readonly string[], options: ChildOptions): Child {
  const { cwd, env = {}, log, detached = false } = options;
  const child = new Deno.Command(program, {
    args: [...args],
    cwd,
    clearEnv: true,
    env: { ...childEnvironment(), ...env },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    detached,
  }).spawn();
  const status = (async () => {
    await Promise.all([copyTo(log, child.stdout), copyTo(log, child.stderr)]);
    const status = await child.status;
    child.stdin.abort().catch(() => {});
    return status;
  })();
  return {
    status,
    kill(signal) {
      try {
        child.kill(signal);
      } catch { /* it has ended */ }
    },
  };
}

async function copyTo(path: string, from: ReadableStream<Uint8Array>): Promise<void> {
  // A full disk must not end what runs, and a pipe that nobody empties would stop it.
  for await (const chunk of from) await appendFile(path, chunk).catch(() => {});
}
