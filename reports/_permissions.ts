/** Whether a test may run: bare `deno test` grants nothing, and then tests that need files are skipped by name. */

/** True when all of the permissions are granted. */
export async function granted(...wanted: readonly Deno.PermissionDescriptor[]): Promise<boolean> {
  const states = await Promise.all(wanted.map((one) => Deno.permissions.query(one)));
  return states.every(({ state }) => state === "granted");
}

/** Reading and writing files. */
export const files: readonly Deno.PermissionDescriptor[] = [{ name: "read" }, { name: "write" }];

/** What DuckDB needs. */
export const duckdb: readonly Deno.PermissionDescriptor[] = [{ name: "read" }, { name: "sys", kind: "cpus" }];
