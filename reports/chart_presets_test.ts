import assert from "node:assert/strict";
import { DirectiveError } from "./arguments.ts";
import { textWidth } from "./chart_drawing.ts";
import { pixels, renderPreset } from "./chart_presets.ts";
import {
  labelSize,
  legendBelow,
  logTicks,
  nameRows,
  niceTicks,
  type PlacedLabel,
  placeLabels,
  scaleAround,
} from "./chart_presets_labels.ts";
import { paretoFront } from "./chart_presets_pareto.ts";
import type { Cell, QueryResult } from "./sql.ts";

/** Renders a kind with a canned answer; gives the query too. */
function preset(text: string, columns: string[], rows: Cell[][], sql = "select 1") {
  const options = new Map(text.split(" ").filter(Boolean).map((one) => one.split("=") as [string, string]));
  const asked: string[] = [];
  const query = (one: string): QueryResult => {
    asked.push(one);
    if (one.startsWith("select distinct key")) return { columns: ["key"], rows: [["downscale"], ["student.rate"]] };
    return { columns, rows };
  };
  return { ...renderPreset({ options, sql, sqlLine: 3 }, query, (run) => `short-${run}`), asked };
}

function refused(message: RegExp, work: () => unknown): void {
  assert.throws(work, (error) => error instanceof DirectiveError && message.test(error.message));
}

Deno.test("renderPreset: unknown kinds, options and parameters are errors with the nearest name", () => {
  refused(/^Unknown kind of chart curve: did you mean curves\?$/, () => preset("kind=curve", [], []));
  refused(/^Unknown kind of chart toString: /, () => preset("kind=toString", [], []));
  refused(
    /^widht is neither an option of kind=curves nor a parameter of a recorded run: did you mean width\?$/,
    () => preset("kind=curves widht=3", [], [], ""),
  );
  refused(/did you mean student\.rate\?$/, () => preset("kind=curves student.rte=3", [], [], ""));
  refused(/^Expected runs to be latest or all, found new$/, () => preset("kind=curves runs=new", [], []));
  refused(/found scene= and a query: put it into the query$/, () => preset("kind=curves scene=a", [], []));
  refused(/^Expected width in pixels from 10 to 9999, found 1e3$/, () => pixels(new Map([["width", "1e3"]]), "width"));
  refused(/^Expected each column once, found step twice/, () => preset("kind=curves", ["step", "step"], [[1, 1]]));
  refused(
    /^The query gives no column val_psrn: did you mean val_psnr\?$/,
    () => preset("kind=curves y=val_psrn", ["step", "val_psnr"], [[1, 1]]),
  );
  refused(
    /^Expected band to be minmax, sd or none, found 2sd$/,
    () => preset("kind=curves y=a band=2sd", ["step", "a"], [[1, 1]]),
  );
  refused(/^Expected scale to be linear or log/, () => preset("kind=curves y=a scale=ln", ["step", "a"], [[1, 1]]));
});

Deno.test("renderPreset: conditions become SQL, with names quoted, lists, exclusions and parameters", () => {
  const columns = ["run", "experiment", "step", "loss", "seconds"];
  const { asked, rows } = preset(
    "kind=curves experiment=a,b'c scene=!x downscale=2 runs=all x=minutes",
    columns,
    [],
    "",
  );
  const sql = asked.at(-1) ?? "";
  assert.deepEqual(rows, []);
  assert.match(sql, /where t\.experiment in \('a', 'b''c'\)\n {2}and \(t\.scene is null or t\.scene not in \('x'\)\)/);
  assert.match(sql, /and t\.run in \(select run from params where key = 'downscale' and \(value = '2' or /);
  assert.match(sql, /t\.seconds \/ 60 as minutes/);
  assert.doesNotMatch(sql, /from latest/);
  assert.match(
    preset("kind=curves", columns, [], "").asked.at(-1) ?? "",
    /where t\.run in \(select run from latest\) and/,
  );
  refused(/^Expected px in whole pixels, found wide$/, () => preset("kind=pareto px=wide", ["fps", "psnr"], [], ""));
});

Deno.test("curves: the mean over seeds with its band; a step that a seed lacks is left out", () => {
  const rows = [[0, 0, 1], [0, 1, 3], [10, 0, 4], [10, 1, 8], [20, 0, 9], [30, 1, NaN]];
  const drawn = preset("kind=curves y=loss", ["step", "seed", "loss"], rows);
  assert.deepEqual(drawn.rows, [
    { name: "", x: 0, y: 2, low: 1, high: 3, seeds: 2 },
    { name: "", x: 10, y: 6, low: 4, high: 8, seeds: 2 },
  ]);
  assert.deepEqual(drawn.notes, ["Mean over 2 seeds; the band reaches from the smallest to the largest"]);
  const sd = preset("kind=curves y=loss band=sd", ["step", "seed", "loss"], rows).rows[1];
  assert.deepEqual([sd?.low, sd?.high], [6 - Math.sqrt(8), 6 + Math.sqrt(8)]);
  const plain = preset("kind=curves y=loss band=none", ["step", "seed", "loss"], rows);
  assert.equal((plain.spec.layer as unknown[]).length, 1);
  const one = preset("kind=curves y=loss", ["step", "loss", "node"], [[1, 2, "student_a"], [1, 3, "student_b"]]);
  assert.deepEqual([one.notes, one.rows.map(({ name }) => name)], [[], ["a", "b"]]);
});

Deno.test("paretoFront: keeps what no other point beats in both, whichever way the cost counts", () => {
  const points = [[1, 5], [2, 4], [2, 7], [3, 7], [4, 9], [4, 9], [5, 8]].map(([x = 0, y = 0]) => ({ x, y }));
  const xy = (front: { x: number; y: number }[]) => front.map(({ x, y }) => [x, y]);
  assert.deepEqual(xy(paretoFront(points, -1)), [[1, 5], [2, 7], [4, 9]]);
  assert.deepEqual(xy(paretoFront(points, 1)), [[5, 8], [4, 9]]);
  assert.deepEqual(paretoFront([], 1), []);
});

Deno.test("pareto: points, the front and its steps; two scenes or sizes are refused", () => {
  const columns = ["experiment", "scene", "px", "fps", "psnr", "mean_colour"];
  const rows = [["a", "lego", 200, 1, 30, 10.7], ["b", "lego", 200, 10, 28, 10.7], ["c", "lego", 200, 0.5, 29, 10.7]];
  const drawn = preset("kind=pareto x=fps", columns, rows);
  const points = drawn.rows.filter(({ part }) => part === "point").map(({ name, on_front }) => [name, on_front]);
  assert.deepEqual(points, [["a", "on the front"], ["b", "on the front"], ["c", "beaten"]]);
  const steps = drawn.rows.filter(({ part }) => part === "front").map(({ x, y }) => [x, y]);
  assert.deepEqual(steps.slice(0, 3), [[10, 28], [1, 28], [1, 30]]);
  assert.ok(Number(steps[3]?.[0]) < 0.5);
  assert.deepEqual(drawn.notes, [
    "Blue: no other is better in both (PSNR higher, frames per second higher)",
    "the mean colour alone scores 10.70 dB",
  ]);
  const smaller = preset("kind=pareto x=fps better=smaller", columns, rows);
  assert.match(smaller.notes[0] ?? "", /frames per second lower/);
  const mixed = [...rows, ["d", "bricks", 100, 1, 40, 10.5]];
  refused(
    /^Expected points of one scene and size, found lego at 200 px, bricks at 100 px: choose/,
    () => preset("kind=pareto x=fps", columns, mixed),
  );
  refused(
    /^Expected numbers in fps and psnr, found none$/,
    () => preset("kind=pareto x=fps", ["fps", "psnr"], [[Infinity, 1]]),
  );
  refused(
    /^Expected better to be smaller or greater/,
    () => preset("kind=pareto x=fps better=up", ["fps", "psnr"], [[1, 1]]),
  );
});

/** What a label covers, as placed. */
function boxOf({ text, x, y, align }: PlacedLabel) {
  const width = textWidth({ fontSize: labelSize }, text);
  const left = align === "left" ? x : x - width;
  return { left, right: left + width, top: y - 6, bottom: y + 6 };
}

Deno.test("placeLabels: no label covers another or a point or leaves the plot, however crowded; the rest are numbers", () => {
  let state = 7;
  const chance = () => (state = state * 48271 % 2147483647) / 2147483647;
  for (let trial = 0; trial < 20; trial++) {
    const points = Array.from({ length: 14 }, (_, i) => ({
      x: 40 + chance() * (trial < 10 ? 500 : 90),
      y: 40 + chance() * (trial < 10 ? 240 : 60),
      text: `experiment_${i} some setting`,
      rank: i === 3 ? 1 : 0,
    }));
    const labels = placeLabels(points, { width: 600, height: 320 });
    const boxes = labels.map(boxOf);
    boxes.forEach((a, i) => {
      assert.ok(
        a.left >= 0 && a.right <= 600 && a.top >= 0 && a.bottom <= 320,
        `label ${i} of trial ${trial} is inside`,
      );
      const hit = (b: typeof a) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
      assert.ok(!boxes.some((b, j) => j !== i && hit(b)), `label ${i} of trial ${trial} covers another`);
      const covers = ({ x, y }: { x: number; y: number }) =>
        hit({ left: x - 3, right: x + 3, top: y - 3, bottom: y + 3 });
      assert.ok(!points.some((point, j) => j !== i && covers(point)), `label ${i} of trial ${trial} covers a point`);
    });
    if (trial < 10) assert.equal(labels[3]?.text, points[3]?.text, "the first in rank keeps its name");
    const numbers = labels.filter(({ text }, i) => text !== points[i]?.text).map(({ text }) => Number(text));
    assert.deepEqual(numbers.toSorted((a, b) => a - b), numbers.map((_, i) => i + 1));
  }
  assert.deepEqual(placeLabels([], { width: 10, height: 10 }), []);
});

Deno.test("parallel: numbers by size, categories by name, what is missing below; settings that do not differ are left out", () => {
  const columns = ["rate", "loss", "weight", "same", "psnr", "run"];
  const rows: Cell[][] = [
    ["0.001", "l1", null, 1, 20, "a"],
    ["0.1", "l2", 0.5, 1, 30, "b"],
    ["0.01", "l1", 0.05, 1, 25, "c"],
  ];
  const drawn = preset("kind=parallel", columns, rows);
  const titles = drawn.rows.filter(({ part }) => part === "axis").map(({ text }) => text);
  assert.deepEqual(titles, ["rate", "loss", "weight", "PSNR (dB)"]);
  const line = (id: number) =>
    drawn.rows.filter((row) => row.part === "line" && row.id === id).map(({ y }) => Number(y));
  assert.deepEqual(line(0), [0, 1, 0, 0]);
  assert.deepEqual(line(1), [1, 0, 1, 1]);
  const [rate, , weight] = line(2);
  assert.ok(Math.abs((rate ?? 0) - 0.5) < 1e-9, "three powers of ten are a log axis");
  assert.ok(Math.abs((weight ?? 0) - 0.14) < 1e-9, "the least number stands above none");
  const ticks = drawn.rows.filter((row) => row.part === "tick" && row.x === 2).map(({ text }) => text);
  assert.deepEqual(ticks, ["none", "0.05", "0.5"]);
  assert.deepEqual(drawn.notes, ["3 lines; the darker, the higher PSNR"]);
  refused(
    /^Expected settings that differ between rows, found none/,
    () => preset("kind=parallel", ["a", "psnr"], [[1, 2], [1, 3]]),
  );
  const many = Array.from({ length: 12 }, (_, i) => `s${i}`);
  refused(
    /^Expected at most 11 settings, found 12: choose with axes=, of s0, s1/,
    () => preset("kind=parallel", [...many, "psnr"], [[...many, 1], [...many.map((one) => one + "x"), 2]]),
  );
});

Deno.test("views: sorted from the worst, named at the ends, over the mean colour; unequal numbers become shares", () => {
  const columns = ["experiment", "view", "psnr", "mean_colour", "run"];
  const rows: Cell[][] = [["a", "r_0", 30, 10.5, "1"], ["a", "r_1", 25, 10.5, "1"], ["a", "r_2", 27, 10.5, "1"]];
  const drawn = preset("kind=views", columns, rows);
  assert.deepEqual(
    drawn.rows.filter(({ part }) => part === "view").map(({ view, rank }) => [view, rank]),
    [["r_1", 1], ["r_2", 2], ["r_0", 3]],
  );
  assert.deepEqual(drawn.rows.at(-1), { part: "baseline", score: 10.5, text: "mean colour 10.50 dB" });
  assert.deepEqual(drawn.notes, ["25.00 (r_1) to 30.00 (r_0), mean 27.33"]);
  const two = preset("kind=views baseline=none", columns, [...rows, ["b", "r_0", 20, 10, "2"], [
    "b",
    "r_1",
    21,
    10,
    "2",
  ]]);
  assert.deepEqual(two.rows.map(({ rank }) => rank), [0, 50, 100, 0, 100]);
  assert.match(two.notes[1] ?? "", /^b: 20\.00 \(r_0\) to 21\.00 \(r_1\), mean 20\.50$/);
  refused(/no column view: /, () => preset("kind=views", ["psnr"], [[1]]));
  refused(/^Expected baseline to be mean_colour or none/, () => preset("kind=views baseline=white", columns, rows));
});

Deno.test("rate_distortion: the mean of each setting over the pictures, a line per codec; what a picture lacks is left out", () => {
  const columns = ["codec", "setting", "gaussians", "image", "pixels", "bits_per_pixel", "psnr", "run"];
  const rows: Cell[][] = [
    ["jpeg", "50", null, "a", 6, 0.5, 30, "1"],
    ["jpeg", "50", null, "b", 6, 0.7, 34, "2"],
    ["jpeg", "50", null, "b", 6, 0.7, 34, "3"],
    ["jpeg", "90", null, "a", 6, 1.5, 40, "1"],
    ["sgi", "", 9000, "a", 6, 0.4, 31, "1"],
    ["sgi", "", 9000, "b", 6, 0.6, 33, "2"],
    ["sgi", "", 400, "a", 6, 0, 20, "1"],
  ];
  const drawn = preset("kind=rate_distortion", columns, rows);
  assert.deepEqual(drawn.rows, [
    { name: "JPEG (mozjpeg)", x: 0.6, y: 32, label: "" },
    { name: "Gaussians (.sgi)", x: 0.5, y: 32, label: "9000" },
  ]);
  assert.deepEqual(drawn.notes, [
    "Mean over 2 pictures at each setting",
    "numbers at points: how many Gaussians",
    "1 settings that not all pictures have are left out",
  ]);
  const one = preset("kind=rate_distortion x=bytes y=ms_ssim", ["codec", "bytes", "ms_ssim"], [["x", 90, 0.9], [
    "x",
    80,
    0.8,
  ]]);
  assert.deepEqual(one.rows.map(({ name, x, y }) => [name, x, y]), [["x", 90, 0.9], ["x", 80, 0.8]]);
  assert.deepEqual(one.notes, []);
});

Deno.test("rate_distortion: two sizes, two results of one setting, and nothing in common are refused", () => {
  const columns = ["codec", "setting", "image", "pixels", "bits_per_pixel", "psnr"];
  const draw = (rows: Cell[][]) => preset("kind=rate_distortion", columns, rows);
  refused(
    /^Expected pictures of one size, found 6, 24 pixels: choose/,
    () => draw([["jpeg", "50", "a", 6, 0.5, 30], ["jpeg", "50", "b", 24, 0.5, 30]]),
  );
  refused(
    /^Expected one result of each setting and picture, found two of sgi 9000 on a: choose/,
    () => draw([["sgi", "9000", "a", 6, 0.5, 30], ["sgi", "9000", "a", 6, 0.5, 31]]),
  );
  refused(
    /^Expected settings that all 2 pictures have, found none: choose/,
    () => draw([["jpeg", "50", "a", 6, 0.5, 30], ["jpeg", "60", "b", 6, 0.6, 31]]),
  );
  refused(
    /^Expected numbers above 0 in bits_per_pixel and numbers in psnr, found none$/,
    () => draw([["jpeg", "50", "a", 6, 0, 30], ["jpeg", "50", "a", 6, 1, Infinity]]),
  );
  refused(/no column codec: /, () => preset("kind=rate_distortion", ["bits_per_pixel", "psnr"], [[1, 1]]));
});

Deno.test("nameRows: as few columns as tell runs and nodes apart, then the run's short name", () => {
  const name = (rows: Record<string, Cell>[]) => nameRows(rows, Object.keys(rows[0] ?? {}), (run) => run.slice(0, 2));
  const row = (experiment: string, node: string, preset: string, run: string) => ({ experiment, node, preset, run });
  assert.deepEqual(name([row("a", "evaluate", "cpu", "1"), row("b", "evaluate_x", "tiny", "2")]), ["a", "b"]);
  assert.deepEqual(name([row("a", "student_x", "cpu", "1"), row("a", "student", "cpu", "1")]), ["x", "a"]);
  assert.deepEqual(name([row("a", "evaluate", "cpu", "123"), row("a", "evaluate", "cpu", "456")]), ["12", "45"]);
  assert.deepEqual(name([{ label: "mine", run: "1" }, { label: "mine", run: "2" }]), ["mine", "mine"]);
});

Deno.test("scaleAround, niceTicks and logTicks: round values inside, places there and back", () => {
  assert.deepEqual(niceTicks(26.4, 33.9, 6), [28, 30, 32]);
  assert.deepEqual(niceTicks(-0.1, 0.1, 4), [-0.1, -0.05, 0, 0.05, 0.1]);
  assert.deepEqual(logTicks(0.4, 25), [0.5, 1, 2, 5, 10, 20]);
  for (const log of [false, true]) {
    const scale = scaleAround([0.5, 20], log, 0.1);
    assert.ok(Math.abs(scale.share(0.5) - 0.1) < 1e-4 && Math.abs(scale.share(20) - 0.9) < 1e-4);
    assert.ok(Math.abs(scale.value(scale.share(3)) - 3) < 1e-4);
  }
  assert.ok(Number.isFinite(scaleAround([5], false, 0.1).share(5)), "one value has a place, too");
});

Deno.test("legendBelow: none for one name, as many columns as fit", () => {
  assert.equal(legendBelow(["a", "a"], 600), null);
  assert.equal(legendBelow(["a", "b"], 600)?.columns, 2);
  assert.equal(legendBelow(["a name that is rather long indeed ......", "b", "c"], 600)?.columns, 2);
});
