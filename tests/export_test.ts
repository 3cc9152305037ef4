/** `export`: pages that are whole by themselves, opened in a real browser where there is one. */
import assert from "node:assert/strict";
import { shownParameters } from "../cli/show_parameters.ts";
import { drawChart } from "../reports/chart_drawing.ts";
import { type MadePage, makePage } from "../reports/page.ts";
import type { PageRun } from "../reports/page_run.ts";
import { readRunState } from "../runner/run_state.ts";
import { encodePng } from "../scenes/png.ts";
import { openPage, pageTest } from "./chromium.ts";
import { fileTest, programTest } from "./permissions.ts";
import { demoFinding, demoFolders, type DemoRun, writeDemo } from "./run_fixture.ts";
import { root, stillroom } from "./runner/harness.ts";

const report = `# A report

Of [the second part](#second-part), [a file](docs/rules.md#blank) and [elsewhere](https://example.org/).

- [x] <!-- stillroom:gate demo evaluate.psnr -->Reaches 30 dB (run [01KD](reports/evidence/provenance.csv#L2))<!-- /stillroom -->
- [ ] Not yet

## First part

<!-- stillroom:image demo evaluate strip.png -->
![A strip](images/strip.png)
<!-- /stillroom -->

![A chart](charts/one.svg) ![The same names](charts/one.svg)

### With \`code\` & more

| ${Array.from({ length: 30 }, (_, i) => `a_long_name_${i}`).join(" | ")} |
|${" --: |".repeat(30)}
|${" 12345.678 |".repeat(30)}

## Second part

Text.
`;

async function reportPage(): Promise<MadePage> {
  const spec = {
    mark: "bar",
    encoding: { x: { field: "a", type: "nominal" }, y: { field: "b", type: "quantitative" } },
  };
  const files = new Map<string, Uint8Array>([
    ["images/strip.png", encodePng({ width: 40, height: 20, channels: 3, data: new Uint8Array(40 * 20 * 3).fill(90) })],
    ["charts/one.svg", new TextEncoder().encode(await drawChart(spec, [{ a: "x", b: 1 }, { a: "y", b: 2 }]))],
  ]);
  return await makePage({
    report: { file: "ROADMAP.md", text: report, read: (path) => Promise.resolve(files.get(path)), warn: assert.fail },
    runs: [],
  });
}

async function runsPage(folder: string, ...demos: DemoRun[]): Promise<MadePage> {
  const folders = demoFolders(folder);
  const runs: PageRun[] = [];
  for (const demo of demos) {
    const plan = await writeDemo(folders, demo);
    const state = await readRunState(folders, `${folders.runs}/demo/${plan.run}`, plan);
    runs.push({ state, parameters: (await shownParameters(folders, plan)).list });
  }
  return await makePage({ runs });
}

/** What every page must be. */
function assertWhole(check: Awaited<ReturnType<typeof openPage>>): void {
  assert.deepEqual(check.errors, []);
  assert.deepEqual(check.requests, [], "a page makes no request");
  assert.deepEqual(check.deadAnchors, []);
  assert.deepEqual(check.contents, check.headings, "the table of contents is that of the headings");
  assert.equal(check.overflow, 0, "nothing makes the page wider than its window");
  for (const image of check.images) assert.ok(image.width > 0 && image.height > 0, `${image.alt} was not decoded`);
  for (const chart of check.charts) assert.ok(chart.width > 50 && chart.height > 50, `${chart.label} is not seen`);
}

pageTest(
  "an exported report is whole in Chromium: pictures, charts, links, on a phone and in the dark",
  async (folder) => {
    const { html } = await reportPage();
    const wide = await openPage(folder, html);
    assertWhole(wide);
    assert.deepEqual(wide.images, [{ alt: "A strip", width: 40, height: 20 }]);
    assert.deepEqual(wide.charts.map(({ label }) => label), ["A chart", "The same names"]);
    assert.deepEqual(wide.headings, [
      ["first-part", "First part"],
      ["with-code--more", "With code & more"],
      ["second-part", "Second part"],
    ]);
    assert.equal(wide.background, "rgb(255, 255, 255)");
    assertWhole(await openPage(folder, html, { width: 390 }));
    const dark = await openPage(folder, html, { dark: true });
    assertWhole(dark);
    assert.notEqual(dark.background, wide.background);
  },
);

pageTest("an exported page of runs is whole in Chromium", async (folder) => {
  const { html } = await runsPage(
    folder,
    { minute: 1, seeds: [0, 1], psnr: [[30, 31], [30.5, 32]], findings: [demoFinding("blank-render")] },
    { minute: 2, seeds: [0, 1], psnr: [[31, 32], [31.5, 33]], code: "c3", train: { steps: 200 } },
  );
  for (const options of [{}, { width: 390 }]) {
    const check = await openPage(folder, html, options);
    assertWhole(check);
    assert.equal(check.images.length, 2);
    assert.equal(check.charts.length, 6, "PSNR, loss and views of each run");
    assert.deepEqual(check.headings[0], ["side-by-side", "Side by side"]);
  }
});

pageTest(
  "what openPage() looks for is found: a request, a broken picture, a dead link, a wide table",
  async (folder) => {
    const { html } = await reportPage();
    const check = await openPage(
      folder,
      html.replace(
        "<p>Text.</p>",
        `<img src="http://127.0.0.1:9/x.png" alt="remote"><img src="data:image/png;base64,AAAA" alt="torn">
<a href="#nowhere">x</a><h2 id="new">New</h2><div style="width:3000px">wide</div>`,
      ),
    );
    assert.ok(check.errors.some((error) => error.includes("refused http://127.0.0.1:9/x.png")), `${check.errors}`);
    assert.deepEqual(check.images.filter(({ width }) => width === 0).map(({ alt }) => alt), ["remote", "torn"]);
    assert.deepEqual(check.deadAnchors, ["nowhere"]);
    assert.notDeepEqual(check.contents, check.headings);
    assert.ok(check.overflow > 0);
  },
);

fileTest(
  "makePage() of runs escapes what comes from them, and names scenes that are not the project's",
  async (folder) => {
    const own = await runsPage(folder, { minute: 1, findings: [demoFinding("blank-render")] });
    assert.match(own.html, /All 3 renders are &lt;b&gt;white&lt;\/b&gt;/);
    assert.match(own.html, /<h1>Demo: a &lt; b &amp; &quot;c&quot;<\/h1>/);
    assert.doesNotMatch(own.html, /<script/);
    assert.deepEqual(own.foreignScenes, []);
    const lego = await runsPage(`${folder}/lego`, { minute: 1, scene: "lego" });
    assert.deepEqual(lego.foreignScenes, ["lego"]);
    assert.match(lego.html, /<p class="note">This page holds pictures of lego, which are not this project's own/);
  },
);

fileTest("makePage() shows a run that has not ended", async (folder) => {
  const { html } = await runsPage(folder, { minute: 1, done: ["scene"], rows: 3 });
  assert.match(html, /<span class="warn">interrupted<\/span>/);
  assert.match(html, /PSNR during train_field/);
  assert.doesNotMatch(html, />Metrics</);
});

fileTest("makePage() of runs side by side leaves equal metrics out", async (folder) => {
  const { html } = await runsPage(
    folder,
    { minute: 1 },
    { minute: 2, psnr: [[33, 33, 33]], code: "c3" },
  );
  const table = /<h2 id="side-by-side">[\s\S]*?<\/table>/.exec(html)?.[0] ?? "";
  assert.match(table, /evaluate\.psnr<\/td><td class="right">31\.00<\/td><td class="right">33\.00/);
  assert.doesNotMatch(table, /student\.steps/);
  assert.match(html, /2 metrics are equal and left out/);
});

programTest("the permissions of the tasks show, diff and export are enough", async (folder) => {
  const folders = demoFolders(folder);
  await writeDemo(folders, { minute: 1 });
  await writeDemo(folders, { minute: 2, code: "c3", train: { steps: 200 } });
  for (const words of [["show", "demo"], ["diff", "demo"], ["export", "--run", "demo", "--out", `${folder}/x.html`]]) {
    const args = ["task", "--quiet", ...words, "--cache-dir", folders.cache, "--runs-dir", folders.runs];
    const { code, stderr } = await new Deno.Command("deno", { args, cwd: root, stdin: "null" }).output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
  }
});

programTest(
  "export writes the roadmap, the same bytes each time, and refuses what is not there with 2",
  async (folder) => {
    const files = [`${folder}/one.html`, `${folder}/two.html`];
    const answers = await Promise.all(files.map((file) => stillroom(folder, "export", "--out", file)));
    for (const { code, err } of answers) assert.equal(code, 0, err);
    const [one, two] = await Promise.all(files.map((file) => Deno.readTextFile(file)));
    assert.equal(one, two);
    const pictures = [...(await Deno.readTextFile(`${root}/ROADMAP.md`)).matchAll(/^!\[/gm)].length;
    const shown = [...one!.matchAll(/<img src="data:image\/png;base64,|<svg role="img"/g)].length;
    assert.equal(shown, pictures, "every picture of the roadmap is in the page");
    assert.doesNotMatch(one!, /<(?:img|link|script|iframe|object|embed|source)\b[^>]*(?:src|href)="(?!data:)/);
    assert.doesNotMatch(one!, /stillroom:/, "directives are not seen");
    for (
      const [words, message] of [
        [["none.md"], /There is no report none\.md/],
        [["quickstart"], /Expected a Markdown file .* --run quickstart/],
        [["--run", "none"], /Unknown run none/],
        [["--base", "here"], /Expected --base as an address/],
        [["--out", `${folder}/x.md`], /Expected --out to name an HTML file/],
      ] as const
    ) {
      const { code, err } = await stillroom(folder, "export", ...words);
      assert.equal(code, 2, err);
      assert.match(err, message);
    }
  },
);
