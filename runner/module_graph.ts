/** The module graph of a file: every module, text import and npm version that it can reach, from `deno info --json`. */

import { fromFileUrl, relativePath } from "./urls.ts";
import { ask } from "./process.ts";
import { sha256 } from "./json.ts";

interface InfoModule {
  readonly specifier: string;
  readonly local?: string;
  readonly kind?: string;
  readonly error?: string;
  readonly npmPackage?: string;
  readonly dependencies?: readonly {
    readonly specifier: string;
    readonly npmPackage?: string;
    readonly code?: { readonly specifier?: string };
    readonly type?: { readonly specifier?: string };
  }[];
}

interface Info {
  readonly modules?: readonly InfoModule[];
  readonly redirects?: Readonly<Record<string, string>>;
  readonly npmPackages?: Readonly<Record<string, { readonly dependencies?: readonly string[] }>>;
}

/** What one module can reach. */
export interface Reach {
  /** File, relative to the project, or URL -> SHA-256 of its content. */
  readonly files: Readonly<Record<string, string>>;
  /** `name@version` of npm packages, sorted. */
  readonly packages: readonly string[];
  /** SHA-256 of where each import leads: an import map may swap two files of which neither changes. */
  readonly links: string;
}

/** The graph of one or more roots. */
export class ModuleGraph {
  readonly #modules = new Map<string, InfoModule>();
  readonly #redirects = new Map<string, string>();
  readonly #packages = new Map<string, readonly string[]>();
  readonly #hashes = new Map<string, string>();
  /** The project folder. */
  readonly root: string;

  /**
   * Makes it.
   *
   * @param root the project folder: files are named relative to it
   */
  constructor(root: string) {
    this.root = root;
  }

  /**
   * Adds everything that a module reaches.
   *
   * @param url its `file:` URL
   * @throws {Error} when `deno info` fails
   */
  async add(url: string): Promise<void> {
    if (this.#modules.has(url)) return;
    const path = fromFileUrl(url);
    const answer = await ask("deno", ["info", "--json", path], this.root);
    if (!answer.ok) throw new Error(`deno info ${path} failed: ${answer.stderr.trim()}`);
    const info = JSON.parse(answer.stdout) as Info;
    for (const item of info.modules ?? []) this.#modules.set(item.specifier, item);
    for (const [from, to] of Object.entries(info.redirects ?? {})) this.#redirects.set(from, to);
    for (const [name, item] of Object.entries(info.npmPackages ?? {})) {
      this.#packages.set(name, item.dependencies ?? []);
    }
  }

  /** Paths of all files of the graph on this machine that are the project's or beside it, not downloaded ones. */
  files(): string[] {
    return [...this.#modules.values()].flatMap(({ specifier, local }) =>
      specifier.startsWith("file:") && local !== undefined ? [local] : []
    ).sort();
  }

  /** What a module of the graph reaches. */
  async reach(url: string): Promise<Reach> {
    const seen = new Set<string>();
    const packages = new Set<string>();
    const links: [from: string, written: string, code: string, type: string][] = [];
    const queue = [url];
    for (let specifier = queue.pop(); specifier !== undefined; specifier = queue.pop()) {
      const resolved = this.#redirects.get(specifier) ?? specifier;
      if (seen.has(resolved)) continue;
      seen.add(resolved);
      const found = this.#modules.get(resolved);
      if (!found) continue;
      if (found.npmPackage) this.#addPackage(found.npmPackage, packages);
      for (const dependency of found.dependencies ?? []) {
        if (dependency.npmPackage) this.#addPackage(dependency.npmPackage, packages);
        const { code, type } = dependency;
        links.push([
          this.#name(resolved),
          dependency.specifier,
          this.#name(code?.specifier),
          this.#name(type?.specifier),
        ]);
        for (const next of [code?.specifier, type?.specifier]) if (next) queue.push(next);
      }
    }
    const files: Record<string, string> = {};
    for (const specifier of [...seen].sort()) {
      const local = this.#modules.get(specifier)?.local;
      if (local === undefined) continue;
      const name = this.#name(specifier);
      files[name] = await this.#hash(local);
    }
    return {
      files,
      packages: [...packages].sort(),
      links: sha256(links.map((link) => link.join(" ")).sort().join("\n")),
    };
  }

  /** A file as seen from the project, anything else as it is. */
  #name(specifier = ""): string {
    return specifier.startsWith("file:") ? relativePath(this.root, fromFileUrl(specifier)) : specifier;
  }

  #addPackage(name: string, into: Set<string>): void {
    if (into.has(name)) return;
    into.add(name);
    for (const next of this.#packages.get(name) ?? []) this.#addPackage(next, into);
  }

  async #hash(path: string): Promise<string> {
    let hash = this.#hashes.get(path);
    if (hash === undefined) {
      hash = sha256(await Deno.readFile(path));
      this.#hashes.set(path, hash);
    }
    return hash;
  }
}
