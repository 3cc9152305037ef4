/**
 * What the tests may do. Bare `deno test` has no permissions: tests that need files or programs are then ignored, and a line
 * says so. `deno task test` grants what they need.
 */

function granted(...wanted: Deno.PermissionDescriptor[]): boolean {
  return wanted.every((descriptor) => Deno.permissions.querySync(descriptor).state === "granted");
}

/** True when files may be read and written. */
export const canUseFiles: boolean = granted({ name: "read" }, { name: "write" });

/** True when `deno` and `git` may be started too. */
export const canRunPrograms: boolean = canUseFiles &&
  granted({ name: "run", command: "deno" }, { name: "run", command: "git" }, { name: "env" }, { name: "sys" });

if (!canUseFiles) {
  console.log("skipped: tests that need files and programs want permissions (deno task test grants them)");
} else if (!canRunPrograms) {
  console.log("skipped: tests that start programs want --allow-run=deno,git --allow-env --allow-sys");
}

/** A test that needs files; it gets a temporary folder that is removed afterwards. */
export function fileTest(name: string, body: (folder: string, t: Deno.TestContext) => Promise<void>): void {
  temporary(name, !canUseFiles, body);
}

/** A test on real data: it gets the folder that STILLROOM_DATA names. Without it, or without permission, a line says so. */
export function dataTest(name: string, body: (data: string, t: Deno.TestContext) => Promise<void>): void {
  const folder = granted({ name: "env", variable: "STILLROOM_DATA" }) ? Deno.env.get("STILLROOM_DATA") : undefined;
  if (folder !== undefined && granted({ name: "read", path: folder })) {
    Deno.test(name, (t) => body(folder, t));
    return;
  }
  const why = folder === undefined ? "STILLROOM_DATA is not set, or may not be seen" : "STILLROOM_DATA may not be read";
  Deno.test({ name: `${name} [skipped: ${why}]`, ignore: true, fn() {} });
}

/** A test that needs files and programs; it gets a temporary folder that is removed afterwards. */
export function programTest(name: string, body: (folder: string, t: Deno.TestContext) => Promise<void>): void {
  temporary(name, !canRunPrograms, body);
}

function temporary(
  name: string,
  ignore: boolean,
  body: (folder: string, t: Deno.TestContext) => Promise<void>,
): void {
  Deno.test({
    name,
    ignore,
    async fn(t) {
      const folder = await Deno.makeTempDir({ prefix: "stillroom_" });
      try {
        await body(folder, t);
      } finally {
        await Deno.remove(folder, { recursive: true }).catch(() => {});
      }
    },
  });
}
