/**
 * Which queries may run at all: one statement that reads.
 *
 * @module
 */

/** A query that was refused or failed. */
export class SqlError extends Error {
  /** Name of the class. */
  override readonly name = "SqlError";
  /**
   * Names the line as well.
   *
   * @param message DuckDB's first sentence, or why the query was refused
   * @param line line of the query that it is about, from 1
   */
  constructor(
    message: string,
    /** Line of the query that it is about, from 1. */
    readonly line: number,
  ) {
    super(message);
  }
}

const reading = new Set(["select", "with", "from", "values", "table", "describe", "show", "summarize"]);
const changing =
  /\b(?:(?:random|now|uuid\w*|gen_random_uuid|today|setseed|get_current_\w+|current_localtime\w*|transaction_timestamp)\s*\(|current_(?:date|time|timestamp)\b|localtime(?:stamp)?\b|tablesample\b|using\s+sample\b)/i;

/**
 * Refuses everything but one reading statement whose answer depends on the tables alone.
 *
 * @param changeable whether the answer may depend on the clock and on chance as well
 * @throws {SqlError} naming what was found
 */
export function refuse(sql: string, changeable = false): void {
  const bare = blankLiterals(sql);
  const lineOf = (index: number) => bare.slice(0, index).split("\n").length;
  const start = bare.search(/[^\s(]/);
  if (start < 0) throw new SqlError("The query is empty: expected select ...", 1);
  const word = /^\w*/.exec(bare.slice(start))?.[0] ?? "";
  if (!reading.has(word.toLowerCase())) {
    const found = word || bare[start];
    throw new SqlError(`Expected a reading statement (select ...), found ${found}: reports only read`, lineOf(start));
  }
  const end = /;(?=\s*[^\s;])/.exec(bare);
  if (end) throw new SqlError("Expected one statement, found a second one after the semicolon", lineOf(end.index));
  const clock = changeable ? null : changing.exec(bare);
  if (clock) {
    const found = clock[0].replace(/\s*\($/, "()");
    throw new SqlError(`${found} gives another answer each time, and a report must not`, lineOf(clock.index));
  }
}

/** The query with comments, strings and quoted names blanked out, line ends and length kept. */
export function blankLiterals(sql: string): string {
  return sql.replace(
    /--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|\be'(?:[^'\\]|\\[\s\S]|'')*(?:'|$)|'(?:[^']|'')*(?:'|$)|"(?:[^"]|"")*(?:"|$)|\$(\w*)\$[\s\S]*?(?:\$\1\$|$)/gi,
    (found, _tag, index: number) => {
      if (/^\/\*[\s\S]*\/\*/.test(found)) {
        throw new SqlError("Expected no comment inside a comment", sql.slice(0, index).split("\n").length);
      }
      return found.replace(/[^\n]/g, " ");
    },
  );
}
