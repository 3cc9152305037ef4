/**
 * What tests of readers need of the machine: the real data, a folder of their own, a device. Without the permission or
 * the data a test is skipped and its line in the report says why.
 */
import { openGpu } from "../kernels/device.ts";
import type { Device } from "./bricks.ts";

const granted = (descriptor: Deno.PermissionDescriptor): boolean =>
  Deno.permissions.querySync(descriptor).state === "granted";

const dataFolder = granted({ name: "env", variable: "STILLROOM_DATA" }) ? Deno.env.get("STILLROOM_DATA") : undefined;

function skip(name: string, why: string): void {
  Deno.test({ name: `${name} [skipped: ${why}]`, ignore: true, fn() {} });
}

/** A test on the real data under STILLROOM_DATA. */
export function testOnData(name: string, run: (folder: string) => Promise<void>): void {
  if (dataFolder === undefined) return skip(name, "STILLROOM_DATA is not set, or reading it is not permitted");
  if (!granted({ name: "read", path: dataFolder })) return skip(name, "reading STILLROOM_DATA is not permitted");
  Deno.test(name, () => run(dataFolder));
}

/** A test that gets an empty folder, removed afterwards. */
export function testInFolder(name: string, run: (folder: string) => Promise<void>): void {
  if (!granted({ name: "read" }) || !granted({ name: "write" })) return skip(name, "needs --allow-read --allow-write");
  Deno.test(name, async () => {
    const folder = await Deno.makeTempDir({ prefix: "stillroom_scenes_" });
    try {
      await run(folder);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

let opening: Promise<Device> | undefined;

/** The device that the tests of one file share. */
export function testGpu(): Promise<Device> {
  return opening ??= openGpu();
}

/**
 * Reads damaged copies of a small file: cut at every byte, and with one bit of every byte flipped (a different bit from
 * byte to byte). Each must give an error that names the file, or the same value as the whole file, or `allowed`.
 */
export function damage(
  bytes: Uint8Array,
  file: string,
  read: (bytes: Uint8Array) => unknown,
  same: (value: unknown) => boolean,
  flips = true,
): void {
  const attempt = (damaged: Uint8Array, what: string): void => {
    let value: unknown;
    try {
      value = read(damaged);
    } catch (error) {
      if (error instanceof Error && error.name === "SceneError" && error.message.startsWith(`${file}: `)) return;
      throw new Error(`${what}: expected a SceneError that names ${file}`, { cause: error });
    }
    if (!same(value)) throw new Error(`${what}: read without an error, with other values`);
  };
  for (let end = 0; end < bytes.length; end++) attempt(bytes.slice(0, end), `cut at ${end}`);
  if (!flips) return;
  for (let at = 0; at < bytes.length; at++) {
    const copy = bytes.slice();
    copy[at]! ^= 1 << (at % 8);
    attempt(copy, `bit ${at % 8} of byte ${at} flipped`);
  }
}
