/**
 * What a query mentions, so that nothing else need be loaded.
 *
 * Told from words alone, on the safe side: a word in a text or comment counts, and where a query may mean all columns of
 * a table without naming them, all of them count.
 *
 * @module
 */
import { blankLiterals } from "./refuse.ts";

/** The words of a query, in lower case. */
export function wordsOf(sql: string): Set<string> {
  return new Set(sql.toLowerCase().match(/\w+/g) ?? []);
}

/** Words that list tables or make queries of texts: everything may be meant. */
const everything = [
  "show",
  "information_schema",
  "duckdb_tables",
  "duckdb_views",
  "duckdb_columns",
  "pragma_table_info",
  "sqlite_master",
  "query",
  "query_table",
];

/** True when a query may look at tables that it does not name. */
export function mentionsAll(words: ReadonlySet<string>): boolean {
  return everything.some((word) => words.has(word));
}

/** Statements and clauses that take columns without naming them. */
const unnamed =
  /\b(?:describe|summarize|show|pivot|unpivot|natural|positional|columns\s*\(|distinct\s+on|(?:^|\bas\s+)?table\s+\w)/i;
/** FROM without SELECT before it. */
const fromFirst = /(?:^|[(;]|\b(?:union|except|intersect|all|name))\s*from\b/i;
/** Words that may follow a table without being its alias. */
const noAlias =
  /^(?:where|group|order|join|left|right|full|inner|outer|cross|semi|anti|asof|on|using|limit|offset|union|except|intersect|having|qualify|window|select|tablesample|lateral|and|then|end)$/i;

/**
 * True when a query names each column of a table that it uses. False when it may use others: `select *`, FROM without
 * SELECT, whole rows, NATURAL JOIN and the like.
 *
 * @param table the table, a plain name
 */
export function namesItsColumns(sql: string, table: string): boolean {
  const bare = blankLiterals(sql).replace(/\s+/g, " ").trim().toLowerCase();
  if (unnamed.test(bare) || fromFirst.test(bare)) return false;
  for (const { index } of bare.matchAll(/\*/g)) {
    const before = bare.slice(0, index).trimEnd();
    const counted = /\bcount ?\($/.test(before);
    const product = /[\w.)]$/.test(before) && !/\b(?:select|distinct|all)$|[^\d]\.$/.test(before);
    if (!counted && !product) return false;
  }
  if (new RegExp(`"${table}"`, "i").test(sql)) return false;
  const aliases = new Set([table]);
  for (const { index } of bare.matchAll(new RegExp(`\\b${table}\\b(?! ?\\.)`, "g"))) {
    if (!/\b(?:from|join) ?$/.test(bare.slice(0, index))) return false;
    const [, alias] = /^ (?:as )?(\w+)/.exec(bare.slice(index + table.length)) ?? [];
    if (alias !== undefined && !noAlias.test(alias)) aliases.add(alias);
  }
  aliases.delete(table);
  for (const alias of aliases) {
    const uses = [...bare.matchAll(new RegExp(`\\b${alias}\\b(?! ?\\.)`, "g"))];
    const declared = [...bare.matchAll(new RegExp(`\\b${table} (?:as )?${alias}\\b(?! ?\\.)`, "g"))];
    if (uses.length > declared.length) return false;
  }
  return true;
}
