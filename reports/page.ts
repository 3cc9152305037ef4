/**
 * One self-contained HTML page of a report and of runs. The same input gives the same bytes: no clock, no chance.
 *
 * @module
 */
import { ownScenes } from "./images.ts";
import { escapeHtml, type PageHeading, pageHtml, Slugger } from "./page_html.ts";
import { type MarkdownOptions, renderMarkdown } from "./page_markdown.ts";
import { comparisonHtml, nameOf, type PagePart, type PageRun, runHtml } from "./page_run.ts";

/** What a page holds: a report, runs, or both. */
export interface PageContent {
  /** A Markdown file. */
  readonly report?: MarkdownOptions & { readonly text: string };
  /** Runs, in order. */
  readonly runs: readonly PageRun[];
}

/** A made page. */
export interface MadePage {
  readonly html: string;
  /** Scenes that are not the project's own, of which it holds pictures. */
  readonly foreignScenes: readonly string[];
}

/** Makes the page. */
export async function makePage({ report, runs }: PageContent): Promise<MadePage> {
  const slugger = new Slugger();
  const headings: PageHeading[] = [];
  const parts: string[] = [];
  let title = "Runs";
  if (report) {
    const rendered = await renderMarkdown(report.text, report, slugger);
    headings.push(...rendered.headings);
    parts.push(rendered.html);
    title = rendered.title ?? report.file;
  } else {
    title = runs.length === 1 ? runs[0]!.state.plan.title : runs.map(({ state }) => nameOf(state)).join(", ");
    parts.push(`<h1>${escapeHtml(title)}</h1>\n`);
  }
  const take = (part: PagePart) => {
    headings.push(...part.headings);
    parts.push(part.html);
  };
  if (runs.length > 1) take(comparisonHtml(runs.map(({ state }) => state), slugger));
  const foreign = new Set<string>();
  for (const run of runs) {
    const part = await runHtml(run, slugger, report !== undefined || runs.length > 1);
    take(part);
    const scene = run.state.plan.scene ?? "an unknown scene";
    if (part.pictures > 0 && !ownScenes.includes(scene)) foreign.add(scene);
  }
  const foreignScenes = [...foreign].sort();
  const notes = foreignScenes.length === 0 ? [] : [
    `This page holds pictures of ${
      foreignScenes.join(", ")
    }, which are not this project's own: look at their licences before you pass it on.`,
  ];
  return { html: pageHtml({ title, headings, body: parts.join(""), notes }), foreignScenes };
}
