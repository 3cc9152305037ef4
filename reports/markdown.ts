/**
 * Finds directives in Markdown, and nothing that only looks like one.
 *
 * A directive is a comment `<!-- stillroom:KIND ... -->`, a body, and the comment `<!-- /stillroom -->`. Inside fenced
 * code, code spans and other comments the same text is an example and stays one. Code indented by four spaces is not
 * told apart from a nested list: put examples into fences.
 *
 * @module
 */

/** Something wrong at a line of a file. */
export interface Problem {
  /** Line, from 1. */
  readonly line: number;
  /** What is wrong and how to mend it. */
  readonly message: string;
}

/** A directive, by offsets into the text. */
export interface Directive {
  /** What stands after `stillroom:`. */
  readonly kind: string;
  /** Line of the start marker, from 1. */
  readonly line: number;
  /** Everything between the kind and `-->`. */
  readonly args: string;
  /** Line on which `args` begins. */
  readonly argsLine: number;
  /** Where the start marker begins. */
  readonly start: number;
  /** Where the body begins: after the start marker. */
  readonly bodyStart: number;
  /** Where the body ends: at the end marker. */
  readonly bodyEnd: number;
  /** Where the end marker ends. */
  readonly end: number;
}

/** All directives of a text in order, and everything that is no whole directive. */
export function findDirectives(text: string): { directives: Directive[]; problems: Problem[] } {
  const directives: Directive[] = [];
  const problems: Problem[] = [];
  let open: Omit<Directive, "bodyEnd" | "end"> | undefined;
  const lineOf = lineCounter(text);
  for (const { start, end } of comments(text)) {
    const marker = /^<!--\s*(\/?)stillroom\b(:?)\s*([\w-]*)/.exec(text.slice(start, end));
    if (marker === null) continue;
    const line = lineOf(start);
    const [head, slash, colon, kind = ""] = marker;
    if (!text.slice(start, end).endsWith("-->")) {
      problems.push({ line, message: "This comment is never closed: end it with -->" });
    } else if (slash) {
      if (open) directives.push({ ...open, bodyEnd: start, end });
      else problems.push({ line, message: "<!-- /stillroom --> ends nothing: no directive is open before it" });
      open = undefined;
    } else {
      if (open) problems.push(unclosed(open.kind, open.line, `before the next one at line ${line}`));
      open = undefined;
      if (colon !== ":" || kind === "") {
        problems.push({ line, message: "Expected <!-- stillroom:KIND ... -->, found no kind" });
        continue;
      }
      const argsStart = start + head.length;
      const args = text.slice(argsStart, end - 3);
      open = { kind, line, args, argsLine: lineOf(argsStart), start, bodyStart: end };
    }
  }
  if (open) problems.push(unclosed(open.kind, open.line, "before the end of the file"));
  return { directives, problems };
}

function unclosed(kind: string, line: number, where: string): Problem {
  return {
    line,
    message: `stillroom:${kind} is not closed ${where}: write <!-- /stillroom --> after what it generates`,
  };
}

/** Gives the line of offsets that only grow, counting each line end once. */
function lineCounter(text: string): (offset: number) => number {
  let line = 1;
  let at = 0;
  return (offset) => {
    for (; at < offset; at++) if (text.charCodeAt(at) === 10) line++;
    return line;
  };
}

const fenceOpening = /^[ \t]*(?:>[ \t]?|(?:[-*+]|\d{1,9}[.)])[ \t]+)*(`{3,}(?=[^`\n]*(?:\n|$))|~{3,})/;
const blockStart = /^[ \t]*(?:\r?$|[-*+][ \t]|\d{1,9}[.)][ \t]|[#|>]|<!--|`{3,}|~{3,})/;

/** The comments of a Markdown text that are not inside code; one that never ends reaches to the end of the text. */
function* comments(text: string): Generator<{ start: number; end: number }> {
  let fence: string | undefined;
  let i = 0;
  while (i < text.length) {
    if (i === 0 || text[i - 1] === "\n") {
      const next = text.indexOf("\n", i) + 1 || text.length;
      const line = text.slice(i, next);
      if (fence !== undefined) {
        const closing = /^[ \t>]*(`{3,}|~{3,})[ \t]*\r?\n?$/.exec(line)?.[1];
        if (closing?.startsWith(fence)) fence = undefined;
        i = next;
        continue;
      }
      fence = fenceOpening.exec(line)?.[1];
      if (fence !== undefined) {
        i = next;
        continue;
      }
    }
    const found = text[i];
    if (found === "\\") {
      i += text[i + 1] === "\n" ? 1 : 2;
    } else if (found === "`") {
      const ticks = /^`+/.exec(text.slice(i, i + 64))?.[0].length ?? 1;
      i = codeSpanEnd(text, i + ticks, ticks) ?? i + ticks;
    } else if (found === "<" && text.startsWith("<!--", i)) {
      const close = text.indexOf("-->", i + 4);
      const end = close < 0 ? text.length : close + 3;
      yield { start: i, end };
      i = end;
    } else {
      i++;
    }
  }
}

/** Where the code span ends that as many backticks as `ticks` opened before `from`; undefined when it is none. */
function codeSpanEnd(text: string, from: number, ticks: number): number | undefined {
  let i = from;
  while (i < text.length) {
    if (text[i] === "\n") {
      i++;
      const end = text.indexOf("\n", i);
      if (blockStart.test(text.slice(i, end < 0 ? text.length : end))) return undefined;
    } else if (text[i] === "`") {
      let run = 0;
      while (text[i] === "`") run++, i++;
      if (run === ticks) return i;
    } else {
      i++;
    }
  }
  return undefined;
}
