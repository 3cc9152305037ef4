/**
 * Pieces of HTML: text that cannot become markup, tables, and a whole page that needs nothing but itself.
 *
 * @module
 */
import css from "./page.css" with { type: "text" };

/** Text as HTML text or as the value of an attribute in double quotes. */
export function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

/** A heading that the table of contents names. */
export interface PageHeading {
  /** 1 to 6. */
  readonly depth: number;
  /** Its text, as HTML without links. */
  readonly html: string;
  /** What `#...` in an address leads to. */
  readonly slug: string;
}

/** A cell: text, or a number as text that stands to the right. */
export interface PageCell {
  /** HTML. */
  readonly html: string;
  /** Stands to the right. */
  readonly right?: boolean;
  /** Faint. */
  readonly faint?: boolean;
}

/** A cell of text. */
export function textCell(text: string): PageCell {
  return { html: escapeHtml(text) };
}

/** A cell of a number as text. */
export function numberTextCell(text: string, faint = false): PageCell {
  return { html: escapeHtml(text), right: true, faint };
}

/** A table that scrolls by itself where the page is too narrow. */
export function tableHtml(head: readonly string[], rows: readonly (readonly PageCell[])[]): string {
  const isRight = (column: number) => rows.length > 0 && rows.every((row) => row[column]?.right === true);
  const cell = (name: "th" | "td", { html, right, faint }: PageCell) => {
    const classes = [...(right ? ["right"] : []), ...(faint ? ["faint"] : [])];
    return `<${name}${classes.length > 0 ? ` class="${classes.join(" ")}"` : ""}>${html}</${name}>`;
  };
  const top = head.map((text, i) => cell("th", { html: escapeHtml(text), right: isRight(i) })).join("");
  const body = rows.map((row) => `<tr>${row.map((one) => cell("td", one)).join("")}</tr>`).join("\n");
  return scrolling(`<table>\n<thead><tr>${top}</tr></thead>\n<tbody>\n${body}\n</tbody>\n</table>`);
}

/** A box that scrolls sideways, by keyboard too. */
export function scrolling(html: string): string {
  return `<div class="wide" role="region" aria-label="Table" tabindex="0">\n${html}\n</div>\n`;
}

/** Gives every heading a slug of its own, as GitHub does. */
export class Slugger {
  readonly #seen = new Map<string, number>();

  /** The slug of a heading's text: small letters, without punctuation, `-` for spaces; `-1` and so on where it is taken. */
  slug(text: string): string {
    const plain = text.toLowerCase().trim().replace(/[^\p{L}\p{M}\p{N}\p{Pc}\- ]/gu, "").replaceAll(" ", "-");
    let slug = plain;
    for (let count = this.#seen.get(plain) ?? 0; this.#seen.has(slug);) slug = `${plain}-${++count}`;
    this.#seen.set(plain, slug === plain ? 0 : Number(slug.slice(plain.length + 1)));
    this.#seen.set(slug, this.#seen.get(slug) ?? 0);
    return slug;
  }
}

/** A whole page. */
export interface Page {
  /** Shown in the window's title. */
  readonly title: string;
  /** The headings, in order. */
  readonly headings: readonly PageHeading[];
  /** The content as HTML; its first heading is the title of the page. */
  readonly body: string;
  /** What is said above the content, as text. */
  readonly notes: readonly string[];
}

/**
 * The page as one HTML document. A policy inside it forbids scripts and every request, so that nothing can leave it.
 */
export function pageHtml({ title, headings, body, notes }: Page): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="Stillroom">
<title>${escapeHtml(title)}</title>
<link rel="icon" href="data:,">
<style>
${css}</style>
</head>
<body>
<a class="skip" href="#content">To the content</a>
${contentsHtml(headings)}<main id="content">
${notes.map((note) => `<p class="note">${escapeHtml(note)}</p>\n`).join("")}${body}</main>
</body>
</html>
`;
}

/** Headings of depth 2 and 3 as nested lists; nothing where there are fewer than two. */
function contentsHtml(headings: readonly PageHeading[]): string {
  const shown = headings.filter(({ depth }) => depth === 2 || depth === 3);
  if (shown.length < 2) return "";
  let open = false;
  const items = shown.map(({ depth, html, slug }, index) => {
    const link = `<a href="#${escapeHtml(slug)}">${html}</a>`;
    const nested = depth === 3 && index > 0;
    const before = nested
      ? (open ? "</li>\n<li>" : "\n<ul>\n<li>")
      : (open ? "</li>\n</ul></li>\n<li>" : index > 0 ? "</li>\n<li>" : "<li>");
    open = nested;
    return before + link;
  });
  const end = open ? "</li>\n</ul></li>" : "</li>";
  return `<nav aria-label="Contents">\n<p>Contents</p>\n<ul>\n${items.join("")}${end}\n</ul>\n</nav>\n`;
}
