/** The right-hand side of `key=value`: numbers, booleans, null, lists, quoted and plain strings. */

import { messageOf, UsageError } from "./errors.ts";

/**
 * Reads a YAML scalar or flow collection: `1e-3` and `50_000` are numbers, `true` a boolean, `[1, 2]` a list, `{a: 1}` a mapping,
 * `"12"` a string, everything else the text itself.
 *
 * @throws {UsageError} when a list, mapping or quoted string is not closed
 */
export async function parseScalar(text: string): Promise<unknown> {
  if (text === "" || text === "~" || text === "null") return text === "" ? "" : null;
  if (text === "true") return true;
  if (text === "false") return false;
  if (/^[-+]?(\d[\d_]*\.?[\d_]*|\.\d[\d_]*)([eE][-+]?\d+)?$/.test(text)) return Number(text.replaceAll("_", ""));
  if (/^[-+]?\.?inf(inity)?$/i.test(text)) return text.startsWith("-") ? -Infinity : Infinity;
  if (/^["'[{]/.test(text)) {
    try {
      return JSON.parse(text);
    } catch { /* YAML allows more */ }
    try {
      return await parseYaml(text);
    } catch (error) {
      throw new UsageError(`Cannot read the value ${text}: ${messageOf(error)}`);
    }
  }
  return text;
}

/** Parses YAML; the parser is loaded at the first call, because most runs need none. */
export async function parseYaml(text: string): Promise<unknown> {
  const { parse } = await import("yaml");
  return parse(text) as unknown;
}
