/**
 * Markdown as HTML for a page that stands alone: pictures inside it, links that lead somewhere or are none, headings with
 * the slugs that GitHub gives them.
 *
 * @module
 */
import { posix } from "node:path";
import type { Tokens } from "marked";
import { findDirectives } from "./markdown.ts";
import { escapeHtml, type PageHeading, scrolling, Slugger } from "./page_html.ts";
import { chartHtml, isPicture, pictureHtml } from "./page_images.ts";

/** What a Markdown file is rendered with. */
export interface MarkdownOptions {
  /** The file, relative to the root with `/`: links are relative to it. */
  readonly file: string;
  /** Where the project's files can be seen; links to them are plain text without it. */
  readonly base?: string | undefined;
  /** Reads a file below the root; undefined where there is none. */
  read(path: string): Promise<Uint8Array | undefined>;
  /** Hears of what cannot be shown. */
  warn(message: string): void;
}

/** A rendered Markdown file. */
export interface RenderedMarkdown {
  /** The HTML. */
  readonly html: string;
  /** Its headings, in order. */
  readonly headings: readonly PageHeading[];
  /** The text of its first heading of depth 1. */
  readonly title?: string;
}

/**
 * Renders Markdown (CommonMark with GitHub's tables and check-boxes).
 *
 * @param slugger gives slugs; shared by all parts of a page
 */
export async function renderMarkdown(
  text: string,
  options: MarkdownOptions,
  slugger: Slugger = new Slugger(),
): Promise<RenderedMarkdown> {
  const { Marked, Parser } = await import("marked");
  const marked = new Marked({ gfm: true });
  const tokens = marked.lexer(withoutMarkers(text));
  const names = new Set<string>();
  marked.walkTokens(tokens, (token) => {
    if (token.type === "image") names.add(String(token.href));
  });
  const pictures = await readPictures(names, options);
  // Links lead to headings further down, too: slugs are given before anything is rendered.
  const plain = new Parser(marked.defaults);
  const slugs = new Map<unknown, string>();
  marked.walkTokens(tokens, (token) => {
    if (token.type !== "heading") return;
    slugs.set(token, slugger.slug(plainText(plain.parseInline(token.tokens ?? [], plain.textRenderer))));
  });
  const anchors = new Set(slugs.values());
  const headings: PageHeading[] = [];
  let charts = 0;
  marked.use({
    renderer: {
      heading(token) {
        const { depth } = token, slug = slugs.get(token) ?? "";
        const html = this.parser.parseInline(token.tokens);
        headings.push({ depth, html: html.replace(/<\/?a\b[^>]*>/g, ""), slug });
        return `<h${depth} id="${escapeHtml(slug)}">${html}</h${depth}>\n`;
      },
      html({ text }) {
        return tameHtml(text);
      },
      link({ href, title, tokens }) {
        return linkHtml(href, title ?? undefined, this.parser.parseInline(tokens), anchors, options);
      },
      image({ href, text }) {
        const picture = pictures.get(href);
        if (picture === undefined) return `<span class="file" title="${escapeHtml(href)}">${escapeHtml(text)}</span>`;
        if (!/\.svg$/i.test(href)) return pictureHtml(picture, href, text);
        return chartHtml(new TextDecoder().decode(picture), `chart${++charts}`, text);
      },
      checkbox({ checked }) {
        const label = checked ? "done" : "open";
        return `<span class="box${checked ? " done" : ""}" role="img" aria-label="${label}">${
          checked ? "✓" : "☐"
        }</span>`;
      },
      listitem(item) {
        return `<li${item.task ? ' class="task"' : ""}>${this.parser.parse(item.tokens)}</li>\n`;
      },
      table(token) {
        const cells = (row: Tokens.TableCell[], name: "th" | "td") =>
          row.map(({ tokens, align }) =>
            `<${name}${align ? ` align="${align}"` : ""}>${this.parser.parseInline(tokens)}</${name}>`
          ).join("");
        const rows = token.rows.map((row) => `<tr>${cells(row, "td")}</tr>`).join("\n");
        return scrolling(
          `<table>\n<thead><tr>${cells(token.header, "th")}</tr></thead>\n<tbody>\n${rows}\n</tbody>\n</table>`,
        );
      },
    },
  });
  const html = new Parser(marked.defaults).parse(tokens);
  const top = headings.find(({ depth }) => depth === 1);
  return { html, headings, ...(top ? { title: plainText(top.html.replace(/<[^>]*>/g, "")) } : {}) };
}

/** The text without the markers of directives: what stands between them is Markdown like all else. */
function withoutMarkers(text: string): string {
  let result = "", from = 0;
  for (const { start, bodyStart, bodyEnd, end } of findDirectives(text).directives) {
    result += text.slice(from, start) + text.slice(bodyStart, bodyEnd);
    from = end;
  }
  return result + text.slice(from);
}

/** The pictures of the project, by what names them. */
async function readPictures(names: ReadonlySet<string>, options: MarkdownOptions): Promise<Map<string, Uint8Array>> {
  const pictures = new Map<string, Uint8Array>();
  for (const name of names) {
    const path = pathOf(name, options.file)?.path;
    const bytes = path !== undefined && isPicture(path) ? await options.read(path) : undefined;
    if (bytes) pictures.set(name, bytes);
    else {options.warn(
        `${options.file} shows ${name}, which is no picture of this project: only its text is in the page`,
      );}
  }
  return pictures;
}

function linkHtml(
  href: string,
  title: string | undefined,
  text: string,
  anchors: ReadonlySet<string>,
  { file, base, warn }: MarkdownOptions,
): string {
  const also = title === undefined ? "" : ` title="${escapeHtml(title)}"`;
  if (href.startsWith("#")) {
    if (anchors.has(decoded(href.slice(1)))) return `<a href="${escapeHtml(href)}"${also}>${text}</a>`;
    warn(`${file} links to ${href}, and there is no such heading: the link is plain text`);
    return text;
  }
  if (/^(?:https?|mailto):/i.test(href)) return `<a href="${escapeHtml(href)}" rel="noreferrer"${also}>${text}</a>`;
  const target = pathOf(href, file);
  if (target === undefined) return text;
  const { path, fragment } = target;
  if (base === undefined) return `<span class="file" title="${escapeHtml(title ?? path + fragment)}">${text}</span>`;
  const address = new URL(path.split("/").map(encodeURIComponent).join("/") + fragment, base).href;
  return `<a href="${escapeHtml(address)}" rel="noreferrer"${also}>${text}</a>`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** A relative link as a path below the root; undefined where it leads elsewhere. */
function pathOf(href: string, file: string): { path: string; fragment: string } | undefined {
  const [, name = "", fragment = ""] = /^([^#?]*)(?:\?[^#]*)?(#.*)?$/s.exec(href) ?? [];
  if (/^[a-z][\w+.-]*:|^\/|\\/i.test(href) || name === "") return undefined;
  const path = posix.normalize(posix.join(posix.dirname(file), decoded(name)));
  return path.startsWith("../") || path === ".." ? undefined : { path, fragment };
}

/** Tags that a report may use as they are; attributes fall away. */
const tags = /^<\/?(?:sub|sup|kbd|br|b|i|em|strong|code|small|details|summary|hr)\s*\/?>$/i;

/** Raw HTML: comments fall away, plain tags without attributes stay, all else becomes text. */
function tameHtml(html: string): string {
  return html.replace(/<!--[\s\S]*?(?:-->|$)/g, "").replace(/<[^<>]*>?|[<>]/g, (part) => {
    const bare = part.replace(/^<(\/?\w+)(?:\s[^>]*?)?(\/?)>$/, "<$1$2>");
    return tags.test(bare) ? bare : escapeHtml(part);
  });
}

/** Text of HTML without tags. */
function plainText(html: string): string {
  return html.replace(/<[^>]*>/g, "").replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&quot;", '"')
    .replaceAll("&#39;", "'").replaceAll("&amp;", "&");
}
