/** Runs the toy on disks that are full or broken: at every call, or at every so many, because ordinary tests must be quick. */

import assert from "node:assert/strict";
import { attempt, freshFolder, mustEndAs, undisturbed } from "./attempt.ts";
import type { DiskFault } from "./faults.ts";

/** What must be said about a disk: what happened, where, and how to mend it. */
export const sentences: Readonly<Record<DiskFault, RegExp>> = {
  ENOSPC: /^The disk is full, nothing more can be written to \/\S+: free space there, then run the same command again/,
  EROFS: /^Expected to write to \/\S+, but its file system is read-only: mount it writable or name other folders/,
  EACCES: /^Expected to use \/\S+, but permission is denied: make it writable for this user or name other folders/,
  EIO: /^The disk failed to read or write \/\S+ \(input\/output error\): look for its fault in the system's log/,
};

/** Lets the disk become full, for the rest of the run, at every so-manyth call that takes space; then there is space again. */
export async function fillDiskEverywhere(folder: string, every: number): Promise<number> {
  const { calls, report } = await undisturbed(folder);
  const writes = calls.filter(({ name }) => /^(?:open|write|mkdir|link|copyFile)/.test(name));
  assert.ok(writes.length > 70);
  const chosen = writes.filter((_, index) => index % every === 0);
  for (const { n, name } of chosen) {
    const here = await freshFolder(folder, String(n));
    const { status, message } = await attempt(here, { fail: { from: n, code: "ENOSPC" } });
    assert.match(message, sentences.ENOSPC, `call ${n}, ${name}: ${status}`);
    assert.ok(message.includes(here), `${message} must name a path in ${here}`);
    await mustEndAs(report, here);
  }
  return chosen.length;
}

/** Lets every so-manyth call fail once with an input/output error, whether it changes the disk or only looks. */
export async function failOnceEverywhere(folder: string, every: number): Promise<number> {
  const { report } = await undisturbed(folder);
  const kinds = ["change", "read"] as const;
  const { calls } = await attempt(await freshFolder(folder, "counted"), { kinds });
  const chosen = calls.filter((_, index) => index % every === 0);
  for (const { n, name, path } of chosen) {
    const here = await freshFolder(folder, String(n));
    const { status, message } = await attempt(here, { kinds, fail: { from: n, to: n, code: "EIO" } });
    if (status !== "done") assert.match(message, sentences.EIO, `call ${n}, ${name} ${path}`);
    await mustEndAs(report, here);
  }
  return chosen.length;
}
