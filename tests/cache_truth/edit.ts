/** What an edit of the small project is, and what is often said of one. */

import type { Project } from "./project.ts";
import type { Request } from "./probe.ts";

/** One edit. */
export interface Edit {
  /** What is done. */
  readonly name: string;
  /** Does it. */
  readonly apply?: (project: Project) => Promise<void>;
  /** What the command is told otherwise. */
  readonly request?: Partial<Request>;
  /** Variables of the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** The nodes that must run again, and why. */
  readonly runs?: Readonly<Record<string, string>>;
  /** What is said of nodes in the cache, where it is more than "unchanged". */
  readonly cached?: Readonly<Record<string, string>>;
}

/** What is said where only the text of files moved. */
export const harmless = (...files: string[]) =>
  `unchanged (only comments, formatting, types, names or unused code moved in ${files.join(", ")})`;

/** What is said of the nodes after one that runs again. */
export const after = {
  dough: { loaf: "input dough: node dough changed", verdict: "input loaf: node loaf changed" },
  loaf: { verdict: "input loaf: node loaf changed" },
};
/** The same of those after the first node. */
export const afterFlour = { dough: "input flour: node flour changed", ...after.dough };
/** Rewrites the text of a file; see {@link Project.edit}. */
export const edit = (file: string, from: string | RegExp, to: string) => (project: Project) =>
  project.edit(file, from, to);
