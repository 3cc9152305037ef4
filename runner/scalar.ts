/** The right-hand side of `key=value`: numbers, booleans, null, lists, quoted and plain strings. */

import { messageOf, UsageError } from "./errors.ts";
import { isTooDeep } from "./nesting.ts";

/** Most characters of a YAML file; parameters and sweeps have some thousands. */
const MOST_YAML = 1 << 18;
/** Lists and mappings inside each other; more than any parameter needs. */
const DEEPEST = 32;
/** Characters of a key. */
const LONGEST_KEY = 256;
/** Times that an alias may be resolved: more would be the "billion laughs", a small file that means gigabytes. */
const MOST_ALIASES = 100;

/**
 * Reads a YAML scalar or flow collection: `1e-3` and `50_000` are numbers, `true` a boolean, `[1, 2]` a list, `{a: 1}` a mapping,
 * `"12"` a string, everything else the text itself.
 *
 * @throws {UsageError} when a list, mapping or quoted string is not closed, or is nested too deeply
 */
export async function parseScalar(text: string): Promise<unknown> {
  if (text === "" || text === "~" || text === "null") return text === "" ? "" : null;
  if (text === "true") return true;
  if (text === "false") return false;
  // Each part can match in one way only: the time stays linear in the length.
  if (/^[-+]?(\d[\d_]*(\.[\d_]*)?|\.\d[\d_]*)([eE][-+]?\d+)?$/.test(text)) return Number(text.replaceAll("_", ""));
  if (/^[-+]?\.?inf(inity)?$/i.test(text)) return text.startsWith("-") ? -Infinity : Infinity;
  if (/^["'[{]/.test(text)) {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch { // YAML allows more
      try {
        return await parseYaml(text);
      } catch (error) {
        throw new UsageError(`Cannot read the value ${shortened(text)}: ${messageOf(error)}`);
      }
    }
    const problem = dataProblem(value);
    if (problem !== undefined) throw new UsageError(`Cannot read the value ${shortened(text)}: ${problem}`);
    return value;
  }
  return text;
}

/**
 * Parses YAML into plain data: the parser is loaded at the first call, because most runs need none. Only what JSON knows comes out,
 * and infinities: tags such as `!!binary` or `!!set` are refused.
 *
 * @throws {UsageError} saying what is wrong and where
 */
export async function parseYaml(text: string): Promise<unknown> {
  return (await yamlReader())(text);
}

/** What {@link parseYaml} does, without waiting: for readers that cannot. */
export async function yamlReader(): Promise<(text: string) => unknown> {
  const yaml = await import("yaml");
  return (text) => readYaml(text, yaml);
}

function readYaml(text: string, { Lexer, parseDocument }: typeof import("yaml")): unknown {
  if (text.length > MOST_YAML) {
    throw new UsageError(`Expected YAML of at most ${MOST_YAML} characters, found ${text.length}`);
  }
  // The parser's time grows with the square of the depth: it must not see what is too deep.
  if (isDeepYaml(new Lexer().lex(text))) throw new UsageError(TOO_DEEP);
  let value: unknown;
  try {
    const document = parseDocument(text, { stringKeys: true, resolveKnownTags: false, logLevel: "silent" });
    const [error] = [...document.errors, ...document.warnings];
    if (error) throw error;
    value = document.toJS({ maxAliasCount: MOST_ALIASES });
  } catch (error) {
    const message = messageOf(error);
    throw new UsageError(
      /call stack/.test(message)
        ? TOO_DEEP
        : /alias count/i.test(message)
        ? `Expected at most ${MOST_ALIASES} uses of aliases (*name), found more: write out what they stand for`
        : message,
    );
  }
  const problem = dataProblem(value);
  if (problem !== undefined) throw new UsageError(problem);
  return value;
}

/** True when brackets are open in each other, or indicators follow each other on one line, more often than may be. */
function isDeepYaml(tokens: Iterable<string>): boolean {
  let brackets = 0, indicators = 0;
  for (const token of tokens) {
    if (token === "[" || token === "{") brackets++;
    else if (token === "]" || token === "}") brackets--;
    else if (/^[-?:]$|^[&!*]/.test(token)) indicators++;
    else if (token === "\n" || token === ",") indicators = 0;
    if (brackets > DEEPEST || indicators > 4 * DEEPEST) return true;
  }
  return false;
}

const TOO_DEEP = `Expected at most ${DEEPEST} lists and mappings inside each other, found more`;

/** What is wrong with a parsed value; undefined when nothing is. */
function dataProblem(value: unknown): string | undefined {
  if (isTooDeep(value, DEEPEST)) return TOO_DEEP;
  const keys = allKeys(value);
  if (keys.includes("__proto__")) return "Expected no key __proto__, which would change objects themselves";
  const long = keys.find((key) => key.length > LONGEST_KEY);
  return long && `Expected keys of at most ${LONGEST_KEY} characters, found ${shortened(long)}`;
}

function allKeys(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  const own = Array.isArray(value) ? [] : Object.keys(value);
  return [...own, ...Object.values(value).flatMap(allKeys)];
}

function shortened(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}..` : text;
}
