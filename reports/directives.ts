/**
 * Renders the directives of a report; everything else in the file stays byte for byte.
 *
 * | directive | body |
 * |---|---|
 * | `table [digits=2] [digits.psnr=3] [empty="..."] SQL` | the rows as a Markdown table |
 * | `value [digits=2] [empty="..."] SQL` | one number in a sentence; a second column `run` makes it a link |
 * | `gate EXPERIMENT NODE.COLUMN preset=... scene=...` | a check-box, see gates.ts |
 * | `image EXPERIMENT NODE FILE preset=... alt="..."` | a picture, see images.ts |
 * | `chart NAME [width=560] [height=260] [alt="..."] SQL --- SPEC` | a drawn chart, see charts.ts |
 * | `chart NAME kind=KIND [OPTIONS] [SQL]` | a chart that is drawn often, see chart_presets.ts |
 * | `findings [EXPERIMENT ...] [severity=warning]` | what the diagnosis said, see findings.ts |
 *
 * A new kind is one more entry in {@link renderers}.
 *
 * @module
 */
import { DirectiveError, parseSqlArguments } from "./arguments.ts";
import { type Chart, renderChart } from "./charts.ts";
import { renderFindings } from "./findings.ts";
import { formatCell, formatTable } from "./format.ts";
import { renderGate } from "./gates.ts";
import { renderImage } from "./images.ts";
import { type RunLinks, runLinks } from "./lookup.ts";
import { type Directive, findDirectives, type Problem } from "./markdown.ts";
import { type QueryResult, SqlError } from "./sql.ts";
import type { Tables } from "./tables.ts";

/** What a report is rendered from. */
export interface ReportContext {
  /** The report's path relative to the root, with `/`: links are relative to it. */
  readonly file: string;
  /** The evidence. */
  readonly evidence: Tables;
  /** Runs SQL over the evidence. */
  readonly query: (sql: string) => QueryResult;
  /** SHA-256 of a file below the root; undefined where there is none. */
  readonly hashOf: (path: string) => Promise<string | undefined>;
}

/** A directive whose text is not what the evidence says. */
export interface Change {
  /** Line of the directive in the old text. */
  readonly line: number;
  /** Its kind. */
  readonly kind: string;
  /** The old lines from the directive's first to its last. */
  readonly before: readonly string[];
  /** What they become. */
  readonly after: readonly string[];
}

/** A chart and the directive that drew it. */
export interface ReportChart extends Chart {
  /** Line of the directive. */
  readonly line: number;
}

/** A rendered report. */
export interface RenderedReport {
  /** The new text. */
  readonly text: string;
  /** Directives that could not be rendered; they keep their old text. */
  readonly problems: readonly Problem[];
  /** What the author should look at. */
  readonly warnings: readonly Problem[];
  /** What differs from the old text. */
  readonly changes: readonly Change[];
  /** The pictures that belong to the text, to be written beside it. */
  readonly charts: readonly ReportChart[];
}

/** What a directive becomes. */
interface Edit {
  /** The new body. */
  readonly body: string;
  /** Whether the check-box before it is ticked, where it has one. */
  readonly ticked?: boolean;
  readonly warning?: string | undefined;
  /** The picture that the body shows. */
  readonly chart?: Chart | undefined;
}

/** What a renderer is given. */
interface Site extends ReportContext {
  readonly directive: Directive;
  /** The present body. */
  readonly body: string;
  /** What stands before the directive on its line. */
  readonly before: string;
  readonly links: RunLinks;
}

const checkBox = /^([ \t]*(?:>[ \t]*)*(?:[-*+]|\d+[.)])[ \t]+\[)[ xX](\].*)$/;

/** One renderer per kind of directive. */
const renderers: Readonly<Record<string, (site: Site) => Edit | Promise<Edit>>> = {
  table(site) {
    const options = parseSqlArguments(site.directive.args);
    const result = query(site, options.sql, options.sqlLine);
    const lines = formatTable(result, cellStyle(site, options));
    return { body: block(site, result.rows.length > 0 ? lines : [options.empty ?? "*Nothing recorded yet*"]) };
  },
  value(site) {
    const options = parseSqlArguments(site.directive.args);
    const { columns, rows } = query(site, options.sql, options.sqlLine);
    const named = columns.length === 2 && columns[1] === "run";
    if (rows.length > 1 || (columns.length !== 1 && !named)) {
      const found = `${rows.length} row${rows.length === 1 ? "" : "s"} of ${columns.join(", ")}`;
      throw new DirectiveError(`Expected one number, or one number and its run, found ${found}`, options.sqlLine);
    }
    const [value = null, run] = rows[0] ?? [];
    const text = value === null ? options.empty ?? "unmeasured" : formatCell(columns[0] ?? "", value, {
      ...cellStyle(site, options),
      link: () => undefined,
    });
    const target = value !== null && typeof run === "string" ? site.links.target(run) : undefined;
    const origin = typeof run === "string" ? ["run " + run, site.links.origin(run)].filter(Boolean).join(", ") : "";
    const warning = /^[ \t]*(?:(?:>|[-*+]|\d+[.)])[ \t]+)*$/.test(site.before) && target !== undefined
      ? "a line that begins with a value is shown as raw text: put a word before it"
      : undefined;
    return { body: target === undefined ? text : `[${text}](${target} "${origin}")`, warning };
  },
  gate(site) {
    if (!checkBox.test(site.before) || site.before.includes("stillroom:gate")) {
      throw new DirectiveError("Expected one check-box before the gate on its line: - [ ] <!-- stillroom:gate ... -->");
    }
    const { passed, body, warning } = renderGate(site.directive.args, site.body, site.evidence, site.links);
    return { body, ticked: passed, warning };
  },
  async image(site) {
    const { directive, file, evidence, links, hashOf } = site;
    const lines = await renderImage(directive.args, file, evidence, links, hashOf);
    return { body: block(site, lines.flatMap((line, i) => i === 0 ? [line] : ["", line])) };
  },
  async chart(site) {
    const { directive, file, links } = site;
    const rendered = await renderChart(directive.args, file, links, (sql, line) => query(site, sql, line));
    return { body: block(site, rendered.lines), chart: rendered.chart };
  },
  findings(site) {
    const { directive, file, evidence, links } = site;
    const { lines, warning } = renderFindings(directive.args, file, evidence, links);
    return { body: block(site, lines), warning };
  },
};

/**
 * Renders every directive of a report. Rendering the result again gives the same bytes.
 *
 * @param text the report's present text; its line ends are kept
 */
export async function renderReport(text: string, context: ReportContext): Promise<RenderedReport> {
  const { directives, problems: found } = findDirectives(text);
  const problems = [...found];
  const warnings: Problem[] = [];
  const changes: Change[] = [];
  const charts: ReportChart[] = [];
  const links = runLinks(context.evidence, context.file);
  const crlf = /\r?\n/.exec(text)?.[0] === "\r\n";
  const edits: Splice[] = [];
  for (const directive of directives) {
    const { kind, line, start, bodyStart, bodyEnd, end } = directive;
    const lineStart = text.lastIndexOf("\n", start - 1) + 1;
    const before = text.slice(lineStart, start);
    let edit: Edit;
    try {
      const render = Object.hasOwn(renderers, kind) ? renderers[kind] : undefined;
      if (render === undefined) {
        throw new DirectiveError(`Unknown directive stillroom:${kind}: known are ${Object.keys(renderers).join(", ")}`);
      }
      const own = withoutQuotation(directive, before);
      edit = await render({ ...context, directive: own, links, before, body: text.slice(bodyStart, bodyEnd) });
    } catch (error) {
      if (!(error instanceof DirectiveError)) throw error;
      problems.push({
        line: error.line === undefined ? line : directive.argsLine + error.line - 1,
        message: error.message,
      });
      continue;
    }
    if (edit.warning) warnings.push({ line, message: edit.warning });
    if (edit.chart) charts.push({ ...edit.chart, line });
    const splices = [{
      from: bodyStart,
      to: bodyEnd,
      text: crlf ? edit.body.replace(/\r?\n/g, "\r\n") : edit.body,
    }];
    if (edit.ticked !== undefined) {
      const box = lineStart + (checkBox.exec(before)?.[1]?.length ?? 0);
      splices.unshift({ from: box, to: box + 1, text: edit.ticked ? tick(text[box]) : " " });
    }
    edits.push(...splices);
    const [from, to] = [lineStart, lineEnd(text, end)];
    const [old, now] = [text.slice(from, to), splice(text, splices, from, to)];
    if (old !== now) changes.push({ line, kind, before: old.split(/\r?\n/), after: now.split(/\r?\n/) });
  }
  edits.sort((a, b) => a.from - b.from);
  problems.sort((a, b) => a.line - b.line);
  return { text: splice(text, edits, 0, text.length), problems, warnings, changes, charts };
}

/** A ticked box stays as the author wrote it: x or X. */
function tick(present: string | undefined): string {
  return present === "X" ? "X" : "x";
}

/** A piece of text to put in place of another. */
interface Splice {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

/** The text from `from` to `to` with the splices, which are in order, put in. */
function splice(text: string, splices: readonly Splice[], from: number, to: number): string {
  let result = "";
  let at = from;
  for (const edit of splices) {
    result += text.slice(at, edit.from) + edit.text;
    at = edit.to;
  }
  return result + text.slice(at, to);
}

function lineEnd(text: string, from: number): number {
  const end = text.indexOf("\n", from);
  return end < 0 ? text.length : end;
}

const ownLine = /^[ \t]*(?:>[ \t]*)*(?:(?:[-*+]|\d+[.)])[ \t]+)?$/;

/**
 * Lines as a body of their own. Where the directive stands alone in a list or a quotation they go on with it: indented as
 * far, with the same `>`.
 */
function block(site: Site, lines: readonly string[]): string {
  const indent = ownLine.test(site.before) ? site.before.replace(/[^ \t>]/g, " ") : "";
  return "\n" + lines.map((line) => `${line === "" ? indent.trimEnd() : indent + line}\n`).join("") + indent;
}

/** A directive inside a quotation, without the `>` before each line of its arguments. */
function withoutQuotation(directive: Directive, before: string): Directive {
  if (!/^[ \t]*>/.test(before)) return directive;
  return { ...directive, args: directive.args.replace(/(\n[ \t]*)(?:>[ \t]?)+/g, "$1") };
}

function query(site: Site, sql: string, line: number): QueryResult {
  try {
    return site.query(sql);
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    throw new DirectiveError(`SQL of stillroom:${site.directive.kind} failed: ${error.message}`, line + error.line - 1);
  }
}

function cellStyle(site: Site, options: { digits: number | undefined; digitsOf: ReadonlyMap<string, number> }) {
  return {
    digits: (column: string) => options.digitsOf.get(column) ?? options.digits,
    link: site.links.target,
    runName: site.links.name,
  };
}
