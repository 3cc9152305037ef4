/** What Ctrl-C and the signals of schedulers do to a command. */

import type { StopFlag } from "../runner/stop.ts";

/**
 * First Ctrl-C, TERM or USR2 (which Slurm sends before a time limit): stages save a checkpoint and stop. Ctrl-C or TERM again: the
 * process ends at once. Never USR1: it opens Deno's inspector.
 *
 * @param atOnce what to do before the process ends at once
 * @returns stops listening
 */
export function listenForStop(stop: StopFlag, atOnce: () => void = () => {}): () => void {
  const heard = () => {
    if (stop.aborted) {
      atOnce();
      Deno.exit(130);
    }
    stop.stop();
    console.error("\nStopping after a checkpoint; once more to stop at once");
  };
  const warned = () => {
    if (stop.aborted) return;
    stop.stop();
    console.error("\nStopping after a checkpoint, as the scheduler asked (USR2)");
  };
  const listeners: [Deno.Signal, () => void][] = Deno.build.os === "windows"
    ? [["SIGINT", heard]]
    : [["SIGINT", heard], ["SIGTERM", heard], ["SIGUSR2", warned]];
  for (const [signal, listener] of listeners) Deno.addSignalListener(signal, listener);
  return () => {
    for (const [signal, listener] of listeners) Deno.removeSignalListener(signal, listener);
  };
}

/**
 * For a process that a launcher started: TERM and USR2 stop it after a checkpoint, however often they come. Ctrl-C in a terminal
 * reaches all processes of it, but only the launcher decides: it is ignored here.
 */
export function listenToLauncher(stop: StopFlag): void {
  if (Deno.build.os === "windows") return;
  Deno.addSignalListener("SIGINT", () => {});
  for (const signal of ["SIGTERM", "SIGUSR2"] as const) Deno.addSignalListener(signal, () => stop.stop());
}

/** For `--leash`: standard input ends when the process that started this one is gone, however it went. */
export function stopWhenAlone(stop: StopFlag): void {
  (async () => {
    const buffer = new Uint8Array(256);
    while (await Deno.stdin.read(buffer) !== null) { /* nothing is said */ }
  })().catch(() => {}).finally(() => stop.stop());
}
