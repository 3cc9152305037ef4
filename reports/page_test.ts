import assert from "node:assert/strict";
import { Slugger, tableHtml, textCell } from "./page_html.ts";
import { chartHtml, pictureHtml } from "./page_images.ts";
import { type MarkdownOptions, renderMarkdown } from "./page_markdown.ts";

async function render(text: string, options: Partial<MarkdownOptions> = {}) {
  const warnings: string[] = [];
  const rendered = await renderMarkdown(text, {
    file: "docs/page.md",
    read: (path) => Promise.resolve(path === "images/a.png" ? new Uint8Array([1]) : undefined),
    warn: (message) => warnings.push(message),
    ...options,
  });
  return { ...rendered, warnings };
}

Deno.test("Slugger gives the slugs that GitHub gives, and each once", () => {
  const slugs = new Slugger();
  const given = ["Depth, six settings", "`distill`: a & b", "Größe _x_", "a", "a", "a-1", "a", "???", "???"];
  assert.deepEqual(given.map((text) => slugs.slug(text)), [
    "depth-six-settings",
    "distill-a--b",
    "größe-_x_",
    "a",
    "a-1",
    "a-1-1",
    "a-2",
    "",
    "-1",
  ]);
});

Deno.test("renderMarkdown() links to headings further down, and says when there is none", async () => {
  const { html, warnings, headings, title } = await render("# Top `x`\n\n[a](#later) [b](#gone)\n\n## Later\n");
  assert.match(html, /<a href="#later">a<\/a> b/);
  assert.deepEqual(warnings.length, 1);
  assert.match(warnings[0]!, /docs\/page\.md links to #gone, and there is no such heading/);
  assert.deepEqual(headings.map(({ depth, slug }) => [depth, slug]), [[1, "top-x"], [2, "later"]]);
  assert.equal(title, "Top x");
});

Deno.test("renderMarkdown() turns links to files into text, or into links below --base", async () => {
  const text = "[a](../stages/x.ts#L3) [b](rules.md) [c](https://example.org/) [d](../../outside) [e](javascript:x)";
  const plain = (await render(text)).html;
  assert.match(
    plain,
    /<span class="file" title="stages\/x\.ts#L3">a<\/span> <span class="file" title="docs\/rules\.md">b/,
  );
  assert.match(plain, /<a href="https:\/\/example\.org\/" rel="noreferrer">c<\/a> d e/);
  const linked = (await render(text, { base: "https://git.example/blob/main/" })).html;
  assert.match(linked, /href="https:\/\/git\.example\/blob\/main\/stages\/x\.ts#L3"/);
  assert.match(linked, /href="https:\/\/git\.example\/blob\/main\/docs\/rules\.md"/);
});

Deno.test("renderMarkdown() lets no raw HTML act, and takes no picture from elsewhere", async () => {
  const { html, warnings } = await render(
    `<script>alert(1)</script> <sub onclick="x()">s</sub> <img src=x onerror=y> <!-- gone -->\n\n` +
      "![far](https://evil.example/x.png) ![near](../images/a.png) ![out](../../a.png)\n\n<iframe src='x'>\n",
  );
  assert.doesNotMatch(html, /<(?:script|iframe)|onclick|<img src=x|evil\.example\/x\.png"[^>]*src|gone/);
  assert.match(html, /&lt;script&gt;/);
  assert.match(html, /<sub>s<\/sub>/);
  assert.equal([...html.matchAll(/<img /g)].length, 1);
  assert.match(html, /<img src="data:image\/png;base64,AQ==" alt="near">/);
  assert.equal(warnings.length, 2);
});

Deno.test("renderMarkdown() shows check-boxes whose text stands in a directive as Markdown", async () => {
  const { html } = await render("- [x] <!-- stillroom:gate a b -->Reaches **30** dB<!-- /stillroom -->\n- [ ] open\n");
  assert.match(html, /aria-label="done">✓<\/span>\s*Reaches <strong>30<\/strong> dB/);
  assert.match(html, /aria-label="open">☐<\/span>\s*open/);
  assert.doesNotMatch(html, /stillroom/);
});

Deno.test("chartHtml() gives the names inside a chart a prefix, and shows one that could act as a picture", () => {
  const svg =
    '<?xml version="1.0"?><svg xmlns="x"><clipPath id="clip1"></clipPath><g clip-path="url(#clip1)"></g></svg>\n';
  assert.equal(
    chartHtml(svg, "c2", 'a "b"'),
    '<svg role="img" aria-label="a &quot;b&quot;" xmlns="x"><clipPath id="c2-clip1"></clipPath><g clip-path="url(#c2-clip1)"></g></svg>',
  );
  for (const bad of ["<script>x</script>", '<a href="x">y</a>', '<g onclick="x"/>', '<g fill="url(http://x)"/>']) {
    assert.match(chartHtml(`<svg>${bad}</svg>`, "c", "x"), /^<img src="data:image\/svg\+xml;base64,/);
  }
});

Deno.test("pictureHtml() gives a PNG the size that its head says", () => {
  const head = new Uint8Array(24);
  head.set([0x89, 0x50, 0x4e, 0x47]);
  new DataView(head.buffer).setUint32(16, 300);
  new DataView(head.buffer).setUint32(20, 200);
  assert.match(pictureHtml(head, "a.png", "x"), / width="300" height="200">$/);
  assert.doesNotMatch(pictureHtml(new Uint8Array(3), "a.png", "x"), /width/);
});

Deno.test("tableHtml() puts a column to the right only where all of it is numbers", () => {
  const html = tableHtml(["a", "b"], [[textCell("<x>"), { html: "1", right: true }], [textCell("y"), textCell("z")]]);
  assert.match(html, /<th>a<\/th><th>b<\/th>/);
  assert.match(html, /&lt;x&gt;/);
  assert.match(tableHtml(["a"], [[{ html: "1", right: true }]]), /<th class="right">a/);
});
