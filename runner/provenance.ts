/** `provenance.json`: which code, on which machine, at what time. */

import type { Fingerprint } from "./environment.ts";
import { sha256 } from "./json.ts";
import { ask } from "./process.ts";

/** Where a run came from. */
export interface Provenance {
  /** Git commit of the project; empty outside a repository. */
  readonly commit: string;
  /** True when tracked files differ from the commit or untracked ones lie about. */
  readonly dirty: boolean;
  /** SHA-256 of `dirty.patch`, when there is one. */
  readonly patch_sha256?: string;
  /** Files that git does not know. */
  readonly untracked?: readonly string[];
  /** SHA-256 of deno.lock. */
  readonly lock_sha256?: string;
  /** The device, when a stage used one. */
  readonly adapter?: {
    readonly description: string;
    readonly vendor: string;
    readonly device: string;
    readonly backend: string;
  };
  /** Driver and version, where one can be had. */
  readonly driver?: string;
  /** WebGPU limits of the device by name. */
  readonly limits?: Readonly<Record<string, number>>;
  /** Name of the machine. */
  readonly host: string;
  /** Version of Deno. */
  readonly deno: string;
  /** When it began, ISO 8601. */
  readonly started: string;
}

/** Which state of a repository code is of. */
export interface CodeState {
  /** The commit; empty outside a repository. */
  readonly commit: string;
  /** True when tracked files differ from it or untracked ones lie about. */
  readonly dirty: boolean;
  /** Files that git does not know. */
  readonly untracked: readonly string[];
  /** The uncommitted changes. */
  readonly patch: string;
}

/** Asks git for the state of a project. */
export async function codeState(root: string): Promise<CodeState> {
  const [commit, status, diff] = await Promise.all([
    ask("git", ["rev-parse", "HEAD"], root),
    ask("git", ["status", "--porcelain", "--untracked-files=normal"], root),
    ask("git", ["diff", "HEAD", "--no-color", "--no-ext-diff"], root),
  ]);
  const lines = status.ok ? status.stdout.split("\n").filter((line) => line !== "") : [];
  return {
    commit: commit.ok ? commit.stdout.trim() : "",
    dirty: lines.length > 0,
    untracked: lines.filter((line) => line.startsWith("?? ")).map((line) => line.slice(3)),
    patch: diff.ok ? diff.stdout : "",
  };
}

/**
 * Collects where a run comes from.
 *
 * @param root the project folder
 * @param known the state of the code, where it is a copy that git does not know
 * @returns the provenance, and the text of the uncommitted changes
 */
export async function collectProvenance(
  root: string,
  adapter: Fingerprint | undefined,
  started: Date,
  known?: CodeState,
): Promise<{ provenance: Provenance; patch: string }> {
  const [{ commit, dirty, untracked, patch }, lock] = await Promise.all([
    known ?? codeState(root),
    Deno.readFile(`${root}/deno.lock`).catch(() => undefined),
  ]);
  return {
    patch,
    provenance: {
      commit,
      dirty,
      ...(patch === "" ? {} : { patch_sha256: sha256(patch) }),
      ...(untracked.length === 0 ? {} : { untracked }),
      ...(lock ? { lock_sha256: sha256(lock) } : {}),
      ...(adapter
        ? {
          adapter: {
            description: adapter.description,
            vendor: adapter.vendor,
            device: adapter.device,
            backend: adapter.backend,
          },
          ...(adapter.driver === undefined ? {} : { driver: adapter.driver }),
          limits: adapter.limits,
        }
        : {}),
      host: Deno.hostname(),
      deno: Deno.version.deno,
      started: started.toISOString(),
    },
  };
}
