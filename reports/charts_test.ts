import assert from "node:assert/strict";
import { join } from "node:path";
import { chartTest, report, runId, writeRun, writeText } from "./_fixtures.ts";
import { programTest } from "../tests/permissions.ts";
import { DirectiveError } from "./arguments.ts";
import { drawChart } from "./chart_drawing.ts";
import { readSpec } from "./chart_spec.ts";
import { chartPath } from "./charts.ts";
import { renderReport } from "./directives.ts";
import { type QueryResult, SqlError } from "./sql.ts";
import { buildTable, emptyTables } from "./tables.ts";

const end = "<!-- /stillroom -->";
const root = join(import.meta.dirname ?? "", "..");

const curve: QueryResult = { columns: ["step", "psnr", "name"], rows: [[0, 20, "a"], [1, 25, "a"]] };

/** What is wrong with a spec, by line. */
async function refusal(spec: string, rows = curve): Promise<string> {
  try {
    await readSpec(spec, rows, 1);
  } catch (error) {
    if (error instanceof DirectiveError) return `${error.line}: ${error.message}`;
    throw error;
  }
  throw new Error(`Not refused: ${spec}`);
}

chartTest("readSpec: other data, addresses, chance and the clock are refused by line", async () => {
  const cases: [string, RegExp][] = [
    ["mark: line\ndata: {url: data.csv}", /^2: A chart may have no data: the rows of the query are its data/],
    ["mark: line\ndatasets: {a: []}", /^2: A chart may have no datasets/],
    ["layer:\n  - mark: line\n  - mark: point\n    data: {values: [1]}", /^4: A chart may have no data/],
    ["mark: line\ntransform:\n  - lookup: name\n    from: {data: {url: x}, key: a}", /^4: A chart may have no data/],
    ["mark: image\nencoding:\n  url: {value: 'http://x/y.png'}", /^3: A chart may have no url: a chart reads no add/],
    ["mark: {type: image, url: x.png}", /^1: A chart may have no url/],
    ["mark: line\nencoding:\n  href: {field: name}", /^3: A chart may have no href/],
    ["mark: line\nparams:\n  - name: brush\n    select: interval", /^4: A chart may have no select: a picture/],
    ["mark: line\ntransform:\n  - sample: 3", /^3: A chart may have no sample: chance/],
    ["mark: line\ntransform:\n  - {calculate: random(), as: x}", /^3: random\(\) gives another picture each time/],
    ["mark: line\ntransform:\n  - filter:\n      or: ['now () > 3']", /^4: now\(\) gives another picture/],
    ["mark: line\nparams:\n  - {name: a, expr: 'year(datetime())'}", /^3: datetime\(\) gives another picture/],
  ];
  for (const [spec, message] of cases) assert.match(await refusal(spec), message);
});

chartTest(
  "readSpec: a field that the query does not give is an error with the nearest, wherever it is named",
  async () => {
    const cases: [string, RegExp][] = [
      ["mark: line\nencoding:\n  y: {field: pnsr}", /^3: The query gives no column pnsr: did you mean psnr\?$/],
      ["mark: line\nencoding:\n  y: {field: quite_other}", /no column quite_other: known are step, psnr, name$/],
      ["mark: line\nencoding:\n  x: {field: step, sort: {field: nmae}}", /did you mean name\?/],
      ["mark: line\nencoding:\n  color: {condition: {test: 'true', field: setp}}", /did you mean step\?/],
      [
        "mark: line\ntransform:\n  - aggregate: [{op: mean, field: psnr, as: m}]\n    groupby:\n      - nam",
        /^5: .*name\?/,
      ],
      ["mark: line\ntransform: [{fold: [psnr, ssim]}]", /no column ssim/],
      ["mark: line\ntransform: [{calculate: 'datum.psn + 1', as: a}]", /no column psn: did you mean psnr/],
      ["mark: line\ntransform: [{filter: \"datum['stp'] > 1\"}]", /no column stp: did you mean step/],
      ["repeat: {row: [psnr, sim]}\nspec: {mark: line}", /no column sim/],
    ];
    for (const [spec, message] of cases) assert.match(await refusal(spec), message);
    const dotted = { columns: ["a.b"], rows: [[1]] };
    assert.match(
      await refusal("mark: bar\nencoding: {x: {field: a.b}}", dotted),
      /Vega-Lite cannot name the column a\.b/,
    );
  },
);

chartTest("readSpec: what is no YAML, no spec or misspelt is named with its line", async () => {
  assert.match(await refusal("mark: line\nencoding: {x: [1\n"), /^\d+: The spec is not YAML: /);
  assert.match(await refusal(""), /^1: Expected a Vega-Lite spec after ---/);
  assert.match(await refusal("just text"), /^1: Expected a Vega-Lite spec after ---/);
  assert.match(
    await refusal("mark: line\nencodng: {}"),
    /^2: Unknown key encodng in the spec: did you mean encoding\?/,
  );
  assert.match(await refusal("layer:\n  - mrak: line"), /^2: Unknown key mrak in the spec: did you mean mark\?/);
  assert.match(await refusal("mark:\n  type: lien"), /^2: Unknown mark lien: did you mean line\?/);
  assert.match(await refusal("mark: geoshape"), /^1: Unknown mark geoshape: known are arc, area/);
});

chartTest("readSpec: fields that transforms add, titles and JSON pass, and the columns used are known", async () => {
  const spec = await readSpec(
    `{"title": "The loss now (random() seeds)", "transform": [
      {"fold": ["psnr", "step"]}, {"calculate": "datum.key + datum.value", "as": "both"},
      {"window": [{"op": "row_number", "as": "row"}]}, {"pivot": "name", "value": "psnr"}],
      "mark": "line", "encoding": {"x": {"field": "both"}, "y": {"field": "a"}, "size": {"aggregate": "count"}}}`,
    curve,
    1,
  );
  assert.deepEqual([...spec.columns].sort(), ["name", "psnr", "step"]);
});

Deno.test("chartPath: a name and nothing else decides where a chart lies", () => {
  assert.equal(chartPath(" psnr_by-view height=20\nselect 1"), undefined, "no spec");
  assert.equal(chartPath(" a-b_1 select 1\n---\nmark: bar"), "reports/charts/a-b_1.svg");
  assert.equal(chartPath(" ../a select 1\n---\nmark: bar"), undefined);
  assert.equal(chartPath("\nselect 1\n---\nmark: bar"), undefined);
});

const lineSpec =
  "mark: line\nencoding:\n  x: { field: step, type: quantitative }\n  y: { field: psnr, type: quantitative }";

/** Renders one chart with a canned answer. */
async function render(result: QueryResult, spec = lineSpec, options = "") {
  const run = runId(1);
  const origin = { run, experiment: "photographs", preset: "cpu", scene: "lego400" };
  const tables = {
    ...emptyTables(),
    runs: buildTable("runs", [origin], assert.fail),
    provenance: buildTable("provenance", [{ ...origin, commit: "1a2b3c4d".repeat(5) }], assert.fail),
  };
  return await renderReport(`# A\n<!-- stillroom:chart c ${options}\nany\n---\n${spec}\n-->${end}\n`, {
    file: "docs/a.md",
    evidence: tables,
    query(sql) {
      if (sql !== "any") throw new SqlError(`no ${sql}`, 1);
      return result;
    },
    hashOf: () => Promise.resolve(undefined),
  });
}

chartTest("renderReport: a chart is a picture with its run, sized as asked, on a white card", async () => {
  const rows: QueryResult = { columns: ["step", "psnr", "run"], rows: [[0, 20, runId(1)], [1, 25, runId(1)]] };
  const { text, charts, problems, warnings } = await render(rows, lineSpec, 'width=300 height=120 alt="A [curve]"');
  assert.deepEqual([problems, warnings], [[], []]);
  const picture = "\n![A curve](../reports/charts/c.svg)\n\n";
  const origin = "<sub>run [01J40001AA](../reports/evidence/provenance.csv#L2), commit 1a2b3c4</sub>\n";
  assert.ok(text.endsWith(`-->${picture}${origin}${end}\n`), text);
  const [chart] = charts;
  assert.deepEqual([chart?.path, chart?.line], ["reports/charts/c.svg", 2]);
  assert.match(chart?.svg ?? "", /^<svg [^>]*>\n<rect [^>]*fill="#ffffff"\/>\n/);
  assert.match(chart?.svg ?? "", /d="M0,27\.692L300,4\.615"/);
  assert.doesNotMatch(chart?.svg ?? "", /\d\.\d{4}|NaN/);
});

chartTest("renderReport: null, NaN and infinity leave a gap, and the page says what was not drawn", async () => {
  const rows: QueryResult = {
    columns: ["step", "psnr", "unused"],
    rows: [[0, 20, NaN], [1, null, 1], [2, 22, 1], [3, Infinity, 1], [4, 24, 1], [5, NaN, 1], [6, -Infinity, 1]],
  };
  const { text, charts } = await render(
    rows,
    "transform: [{calculate: datum.psnr - 1, as: less}]\n" +
      lineSpec.replace("field: psnr", "field: less"),
  );
  assert.match(text, /\n<sub>Not drawn, because infinite or NaN: 3 of 7 values of psnr<\/sub>\n/);
  const path = /role-mark[\s\S]*?<path [^>]*d="([^"]*)"/.exec(charts[0]?.svg ?? "")?.[1] ?? "";
  assert.equal(path.match(/M/g)?.length, 3, `three pieces in ${path}`);
  const nothing = await render({ columns: ["step", "psnr"], rows: [[null, null]] });
  assert.deepEqual([nothing.problems.length, nothing.charts.length], [0, 1]);
});

chartTest("renderReport: no rows are no picture, but the spec is checked all the same", async () => {
  const none: QueryResult = { columns: ["step", "psnr"], rows: [] };
  const { text, charts } = await render(none);
  assert.match(text, /-->\n\*Nothing recorded yet\*\n</);
  assert.deepEqual(charts, []);
  assert.match((await render(none, lineSpec, 'empty="*no data yet*"')).text, /\n\*no data yet\*\n/);
  assert.match((await render(none, "mark: line\ndata: 1")).problems[0]?.message ?? "", /may have no data/);
});

chartTest("renderReport: errors of a chart name the line and keep the old text", async () => {
  const problem = async (result: QueryResult, spec?: string, options?: string) => {
    const { problems, charts } = await render(result, spec, options);
    assert.deepEqual([problems.length, charts.length], [1, 0]);
    return `${problems[0]?.line}: ${problems[0]?.message}`;
  };
  assert.match(await problem(curve, "mark: line\nencoding:\n  y: {field: pnsr}"), /^7: .* did you mean psnr\?$/);
  assert.match(
    await problem(curve, lineSpec, "width=wide"),
    /^2: Expected width in pixels from 10 to 9999, found wide/,
  );
  assert.match(await problem(curve, lineSpec, "widht=3"), /^2: Unknown option widht: did you mean width\?$/);
  assert.match(await problem(curve, lineSpec, "kind=views"), /^4: A chart of a kind brings its own spec: remove ---/);
  assert.match(await problem({ columns: ["a", "a"], rows: [] }), /^3: Expected each column once, found a twice/);
  assert.match(
    await problem(curve, `${lineSpec}\n  zz: { field: name }`),
    /^5: Cannot draw c: zz-encoding is d/,
  );
  assert.match(
    await problem(curve, "mark: bar\ntransform: [{filter: 'datum.step >'}]"),
    /^5: Cannot draw c: /,
  );
  const zero: QueryResult = { columns: ["step", "psnr"], rows: [[0, 0], [1, 10], [2, 100]] };
  const log = lineSpec.replace("psnr, type", "psnr, scale: {type: log}, type");
  assert.match(await problem(zero, log), /^5: Cannot draw c: Log scale domain includes zero/);
  const given = log.replace("type: log", "type: log, domain: [1, 100]");
  assert.match(
    await problem(zero, given),
    /^5: Cannot draw c: A value has no place on its scale: a log scale/,
  );
});

chartTest("drawChart: reads no address, refuses a picture too large to commit, and counts from 1 again", async () => {
  const lookup = [{ lookup: "step", from: { data: { url: "https://localhost/x.json" }, key: "step", fields: ["a"] } }];
  await assert.rejects(drawChart({ mark: "point", transform: lookup }, [{ step: 1 }]), {
    name: "DrawingError",
    message: /A chart reads no address, found https:\/\/localhost\/x\.json/,
  });
  const many = Array.from({ length: 8000 }, (_, step) => ({ step }));
  const dots = { mark: "point", encoding: { x: { field: "step", type: "quantitative" } } };
  await assert.rejects(drawChart(dots, many), /has \d+ KiB, at most 512 are committed: select fewer rows/);
  const clipped = { mark: { type: "line", clip: true }, encoding: dots.encoding };
  const first = await drawChart(clipped, many.slice(0, 3));
  assert.match(first, /id="clip1"/);
  assert.deepEqual(await drawChart(clipped, many.slice(0, 3)), first);
});

chartTest("drawChart: a threshold in a layer is drawn once, however many rows there are", async () => {
  const layer = [
    {
      mark: "line",
      encoding: { x: { field: "step", type: "quantitative" }, y: { field: "step", type: "quantitative" } },
    },
    { mark: "rule", encoding: { y: { datum: 2 } } },
  ];
  const rows = [{ step: 0 }, { step: 1 }, { step: 3 }];
  const rules = (svg: string) => /class="mark-rule role-mark[\s\S]*?<\/g>/.exec(svg)?.[0].match(/<line/g)?.length;
  assert.equal(rules(await drawChart({ layer }, rows)), 1);
  assert.equal(rules(await drawChart({ layer: [{ layer }] }, rows)), 1);
});

const roadmap = [
  "# Roadmap",
  "",
  "- in a list",
  '  <!-- stillroom:chart views height=120 empty="*no data yet*"',
  "  select view, psnr, timestamp '2026-08-01 23:30:00' as at, run from evaluation_views",
  "  ---",
  "  mark: point",
  "  encoding:",
  "    x: { field: view, type: nominal }",
  "    y: { field: psnr, type: quantitative }",
  "    color: { field: at, type: temporal, timeUnit: yearmonthdatehours }",
  `  -->${end}`,
  "",
  "  ```md",
  `  <!-- stillroom:chart example select -->${end}`,
  "  ```",
  "",
].join("\n");

chartTest(
  "reportCommand: a chart is drawn, drawn again the same, and a check notices any other bytes",
  async (root) => {
    const picture = join(root, "reports/charts/views.svg");
    await writeText(root, "ROADMAP.md", roadmap);
    assert.equal((await report({ root })).out, "ROADMAP.md: 1 directive regenerated");
    assert.match(await Deno.readTextFile(join(root, "ROADMAP.md")), /^ {2}-->\n {2}\*no data yet\*\n {2}<!-- \/still/m);
    await writeRun(root, { run: runId(1) });
    const recorded = await report({ root, record: true });
    assert.match(
      recorded.out,
      /ROADMAP\.md: 1 directive regenerated\nreports\/charts\/views\.svg: drawn$/,
      recorded.error,
    );
    const text = await Deno.readTextFile(join(root, "ROADMAP.md"));
    assert.match(
      text,
      /^ {2}-->\n {2}!\[views\]\(reports\/charts\/views\.svg\)\n\n {2}<sub>run \[01J40001AA\].*\n {2}<!-- \/s/m,
    );
    assert.ok(
      text.startsWith(roadmap.slice(0, roadmap.indexOf(end))) && text.endsWith(roadmap.slice(roadmap.indexOf(end))),
    );
    const svg = await Deno.readTextFile(picture);
    assert.deepEqual(await report({ root }), { code: 0, out: "ROADMAP.md: unchanged", error: "" });
    assert.equal((await report({ root, check: true })).code, 0);

    await Deno.writeTextFile(picture, svg.replace('width="', 'width="1'));
    const changed = await report({ root, check: true });
    assert.equal(changed.code, 1);
    assert.equal(
      changed.error,
      "ROADMAP.md:4: reports/charts/views.svg is not what the evidence says; run report and commit",
    );
    await Deno.remove(picture);
    assert.match(
      (await report({ root, check: true })).error,
      /^ROADMAP\.md:4: .*views\.svg is missing; run report and/,
    );
    await assert.rejects(Deno.stat(picture), Deno.errors.NotFound, "a check writes nothing");
    await report({ root });
    assert.equal(await Deno.readTextFile(picture), svg);

    await writeText(root, "docs/other.md", text.replaceAll("\n", "\r\n").replace("height=120", "height=130"));
    await writeText(root, "reports/charts/old.svg", "<svg/>");
    const clash = await report({ root });
    assert.equal(clash.code, 1);
    assert.match(
      clash.error,
      /^docs\/other\.md:4: reports\/charts\/views\.svg is another chart's at ROADMAP\.md:4 as well: /m,
    );
    assert.match(clash.error, /^note: reports\/charts\/old\.svg is drawn by no chart: delete it$/m);
    assert.equal(await Deno.readTextFile(picture), svg);
    assert.doesNotMatch(await Deno.readTextFile(join(root, "docs/other.md")), /[^\r]\n/);
  },
);

chartTest("reportCommand: errors in a chart's SQL and spec name file and line", async (root) => {
  const text = roadmap.replace("select view, psnr", "select view,\n  pnsr");
  await writeText(root, "ROADMAP.md", text);
  const { code, error } = await report({ root });
  assert.equal(code, 1);
  assert.match(error, /^ROADMAP\.md:6: SQL of stillroom:chart failed: Binder Error: .*"pnsr" not found/);
  await writeText(root, "ROADMAP.md", roadmap.replace("field: psnr", "field: pnsr"));
  assert.match((await report({ root })).error, /^ROADMAP\.md:10: The query gives no column pnsr: did you mean psnr\?$/);
  await writeText(root, "ROADMAP.md", roadmap.replace("  ---\n", ""));
  assert.match(
    (await report({ root })).error,
    /^ROADMAP\.md:4: Expected a query, a line --- and then a Vega-Lite spec/,
  );
});

/** A chart of each kind, for the runs of {@link writeTrainedRun}. */
const kinds = [
  '<!-- stillroom:chart c-curves kind=curves y=val_psnr x=minutes alt="PSNR by minutes" -->',
  "<!-- stillroom:chart c-pareto kind=pareto x=minutes scene=lego400 -->",
  "<!-- stillroom:chart c-parallel kind=parallel axes=downscale,depth.weight -->",
  "<!-- stillroom:chart c-views kind=views downscale=4 -->",
].map((start) => `${start}\n${end}\n`).join("\n");

/** A run of two seeds that left curves. */
async function writeTrainedRun(place: string, number: number, psnr: string, params: Record<string, number>) {
  const directory = await writeRun(place, { run: runId(number), psnr, seeds: [0, 1], params });
  for (const seed of [0, 1]) {
    const rows = [1, 2, 3].map((step) => `${step},${20 + step + seed / 3},${step * 60 + seed}\n`);
    const text = `step,val_psnr,seconds\n${rows.join("")}`;
    await writeText(place, `${directory}/evaluate/seed_${seed}/training_metrics.csv`, text);
  }
}

chartTest(
  "reportCommand: each kind of chart is one line, drawn from recorded runs, and the check agrees",
  async (place) => {
    await writeText(place, "ROADMAP.md", kinds);
    assert.equal((await report({ root: place })).code, 0, "a parameter may be asked for before the first run");
    assert.equal((await Deno.readTextFile(join(place, "ROADMAP.md"))).match(/\*Nothing recorded yet\*/g)?.length, 4);
    await writeTrainedRun(place, 1, "31.2", { downscale: 4 });
    await writeTrainedRun(place, 2, "28.7", { downscale: 2 });
    const { code, error, out } = await report({ root: place, record: "all" });
    assert.deepEqual([code, error], [0, ""]);
    for (const name of ["curves", "pareto", "parallel", "views"]) {
      assert.match(
        out,
        new RegExp(`c-${name}\\.svg: drawn`),
      );
    }
    const text = await Deno.readTextFile(join(place, "ROADMAP.md"));
    assert.match(
      text,
      /!\[PSNR by minutes\]\(.*\)\n\n<sub>Mean over 2 seeds; the band .*<\/sub><br>\n<sub>runs \[01J4/,
    );
    const svg = (name: string) => Deno.readTextFile(join(place, `reports/charts/c-${name}.svg`));
    assert.match(await svg("curves"), />01J40002AA</);
    assert.match(await svg("parallel"), />downscale</);
    assert.match(await svg("views"), />mean colour 10\.68 dB</);
    assert.equal((await report({ root: place, check: true })).code, 0);

    await writeText(
      place,
      "docs/bad.md",
      `\n<!-- stillroom:chart c-bad kind=views\n\nselect nothing from runs -->${end}\n`,
    );
    assert.match((await report({ root: place })).error, /^docs\/bad\.md:4: SQL of stillroom:chart failed: .*"nothing"/);
  },
);

programTest(
  "reportCommand: two processes in two time zones and languages draw the same bytes, and say nothing",
  async (folder) => {
    const script = join(folder, "report.ts");
    const command = JSON.stringify(new URL("./command.ts", import.meta.url).href);
    await Deno.writeTextFile(
      script,
      `import { reportCommand } from ${command};\nDeno.exit(await reportCommand({ root: Deno.args[0] }));\n`,
    );
    const draw = async (name: string, env: Record<string, string>) => {
      const place = join(folder, name);
      await writeText(place, "ROADMAP.md", `${roadmap}\n${kinds}`);
      await writeTrainedRun(place, 1, "31.2", { downscale: 4 });
      await writeTrainedRun(place, 2, "28.7", { downscale: 2 });
      assert.equal((await report({ root: place, record: "all" })).code, 0);
      await Deno.remove(join(place, "reports/charts"), { recursive: true });
      // What `deno task report` allows, and no network.
      const args = `run --quiet --no-prompt --config ${join(root, "deno.json")} --allow-read --allow-write=${place}`;
      const rights = ["--allow-env", "--allow-sys=cpus", "--cached-only", script, place];
      const run = new Deno.Command("deno", { args: [...args.split(" "), ...rights], env });
      const { code, stderr } = await run.output();
      assert.equal(new TextDecoder().decode(stderr), "");
      assert.equal(code, 0);
      const names = ["views", "c-curves", "c-pareto", "c-parallel", "c-views"];
      const drawn = names.map((one) => Deno.readTextFile(join(place, `reports/charts/${one}.svg`)));
      return (await Promise.all(drawn)).join("\n");
    };
    const one = await draw("one", { TZ: "UTC", LANG: "C" });
    const two = await draw("two", { TZ: "Asia/Tokyo", LANG: "de_DE.UTF-8" });
    assert.match(one, />Aug 01, 2026 23:00</);
    assert.equal(two, one);
  },
);
