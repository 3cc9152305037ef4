/**
 * `deno task report`: regenerates the reports, records evidence, or checks that both agree.
 *
 * Reports are always rendered from the committed evidence, whatever runs lie on this machine. So a fresh clone, CI and
 * the author's machine generate the same bytes, and after `report` or `report --record` a `report --check` is green.
 *
 * @module
 */
import { join, relative, sep } from "node:path";
import { UsageError } from "../runner/errors.ts";
import { sha256, writeWhole } from "../runner/json.ts";
import { foreignLink, listFiles } from "../runner/paths.ts";
import { DirectiveError } from "./arguments.ts";
import { chartFolder, chartPath } from "./charts.ts";
import { type Change, renderReport, type ReportChart } from "./directives.ts";
import {
  chooseRuns,
  EvidenceError,
  evidenceFolder,
  limitNodeTables,
  mergeTables,
  readEvidence,
  runOf,
  selectRuns,
  writeEvidence,
} from "./evidence.ts";
import { forgetRuns } from "./forget.ts";
import { type ImageRequest, parseImage, recordImages } from "./images.ts";
import { findDirectives } from "./markdown.ts";
import { type Database, openDatabase } from "./sql.ts";
import { isFinished, listRuns, readRuns, readText, type Warn } from "./store.ts";
import { buildTable, compareText, type Row, type Tables } from "./tables.ts";

/** What `report` is asked to do. */
export interface ReportArguments {
  /** Repository root, absolute. */
  readonly root: string;
  /** Write nothing; say where a file is not what the evidence says. */
  readonly check?: boolean;
  /**
   * Copy runs into the evidence first: `true` or `"latest"` for the newest measured run of each experiment, preset and
   * scene, `"all"`, or a run's id, the beginning of one, or its directory.
   */
  readonly record?: string | boolean;
  /** Runs to take out of the evidence first, each by its id, the beginning of one, or its directory. */
  readonly forget?: readonly string[];
  /** Reports, relative to the root or absolute; every Markdown file with directives when left out. */
  readonly files?: readonly string[];
  /**
   * Rows of the table `stale`: which recorded results today's code or data would not give. Asked whenever something may be
   * written, never by a check: what is checked depends on committed files alone.
   */
  readonly findStale?: (evidence: Tables, warn: Warn) => Promise<readonly Row[]>;
}

/** Where messages go: one line each. */
export interface ReportOutput {
  /** What was done. */
  out(line: string): void;
  /** Warnings and errors. */
  error(line: string): void;
}

/** Standard output and standard error of this process. */
export const terminal: ReportOutput = { out: (line) => console.log(line), error: (line) => console.error(line) };

/**
 * Runs the command.
 *
 * Needs `--allow-read` on the root, `--allow-sys=cpus` for DuckDB, `--allow-env` for charts, and, unless it only
 * checks, `--allow-write` on the root.
 *
 * @returns exit code: 0 when all is well; 1 when a directive cannot be rendered, the evidence is broken or a checked file
 * differs; 2 when the arguments cannot be followed
 */
export async function reportCommand(args: ReportArguments, output: ReportOutput = terminal): Promise<number> {
  try {
    return await report(args, output);
  } catch (error) {
    if (!(error instanceof UsageError) && !(error instanceof EvidenceError)) throw error;
    output.error(error.message);
    return error instanceof UsageError ? 2 : 1;
  }
}

async function report(args: ReportArguments, output: ReportOutput): Promise<number> {
  const { root, check = false } = args;
  const record = args.record === true || args.record === "" ? "latest" : args.record || undefined;
  const { forget = [] } = args;
  if (check && (record || forget.length > 0)) {
    throw new UsageError("Give either --record or --forget, or --check: a check writes nothing");
  }
  const warn: Warn = (message) => output.error(`note: ${message}`);
  const files = args.files && args.files.length > 0
    ? args.files.map((file) => toRelative(root, file))
    : await findReports(root);
  const texts = new Map<string, string>();
  for (const file of files) {
    const text = await readText(join(root, file));
    if (text === undefined) throw new UsageError(`There is no report ${file} in ${root}`);
    texts.set(file, text);
  }

  let evidence = await readEvidence(root, warn);
  if (forget.length > 0) evidence = await forgetEvidence(root, evidence, forget, output);
  if (record) evidence = await recordEvidence(root, evidence, record, [...texts.values()], output, warn);
  if (!check) {
    if (args.findStale) evidence = await renewStale(root, evidence, await args.findStale(evidence, warn), warn);
    await noteUnrecorded(root, evidence, output);
  }

  let database: Database | undefined;
  if ([...texts.values()].some(hasSql)) database = await openDatabase(evidence);
  let wrong = 0;
  const drawn = new Map<string, { svg: string; where: string }>();
  try {
    for (const [file, text] of texts) {
      const rendered = await renderReport(text, {
        file,
        evidence,
        query: (sql) => {
          if (database === undefined) throw new Error("No database was opened for this report");
          return database.query(sql);
        },
        hashOf: (path) => hashOf(join(root, path)),
      });
      for (const { line, message } of rendered.warnings) output.error(`note: ${file}:${line}: ${message}`);
      for (const { line, message } of rendered.problems) output.error(`${file}:${line}: ${message}`);
      wrong += rendered.problems.length;
      if (check) {
        for (const change of rendered.changes) output.error(describeChange(file, change));
        wrong += rendered.changes.length;
      } else if (rendered.text !== text) {
        await writeWhole(join(root, file), rendered.text);
        output.out(`${file}: ${count(rendered.changes.length, "directive")} regenerated`);
      } else if (rendered.problems.length === 0) {
        output.out(`${file}: unchanged`);
      }
      for (const chart of rendered.charts) {
        const where = `${file}:${chart.line}`;
        const other = drawn.get(chart.path);
        const problem = other !== undefined && other.svg !== chart.svg
          ? `is another chart's at ${other.where} as well: give one of them another name`
          : await settleChart(root, chart, check, output);
        drawn.set(chart.path, other ?? { svg: chart.svg, where });
        if (problem === undefined) continue;
        output.error(`${where}: ${chart.path} ${problem}`);
        wrong++;
      }
    }
  } finally {
    database?.close();
  }
  if (!args.files?.length) await noteOrphans(root, [...texts.values()], warn);
  if (check && wrong === 0) output.out(`${count(files.length, "report")} checked against the evidence: all agree`);
  return wrong > 0 ? 1 : 0;
}

function hasSql(text: string): boolean {
  return findDirectives(text).directives.some(({ kind }) => ["table", "value", "chart"].includes(kind));
}

/** Writes a chart where its bytes change; a check only says what is wrong with the committed one. */
async function settleChart(
  root: string,
  { path, svg }: ReportChart,
  check: boolean,
  output: ReportOutput,
): Promise<string | undefined> {
  const found = await readText(join(root, path));
  if (found === svg) return undefined;
  if (check) return `${found === undefined ? "is missing" : "is not what the evidence says"}; run report and commit`;
  await Deno.mkdir(join(root, chartFolder), { recursive: true });
  await writeWhole(join(root, path), svg);
  output.out(`${path}: drawn`);
  return undefined;
}

/** Names the committed pictures that no chart draws any more: nothing keeps them true. */
async function noteOrphans(root: string, texts: readonly string[], warn: Warn): Promise<void> {
  const directives = texts.flatMap((text) => findDirectives(text).directives);
  const charts = new Set(directives.flatMap(({ kind, args }) => kind === "chart" ? [chartPath(args)] : []));
  for (const file of await listFiles(join(root, chartFolder))) {
    const path = `${chartFolder}/${file}`;
    if (path.endsWith(".svg") && !charts.has(path)) warn(`${path} is drawn by no chart: delete it`);
  }
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

/** Copies runs and pictures into the evidence. */
async function recordEvidence(
  root: string,
  evidence: Tables,
  what: string,
  texts: readonly string[],
  output: ReportOutput,
  warn: Warn,
): Promise<Tables> {
  const runs = await readRuns(root, warn);
  const chosen = chooseRuns(runs, what);
  if (chosen.size === 0) warn("No finished run in runs/ to record: run an experiment first");
  await refuseLinks(root, runs, chosen);
  const merged = mergeTables(evidence, limitNodeTables(selectRuns(runs, chosen), warn), warn);
  const recorded = await recordImages(root, texts.flatMap(imageRequests), merged, warn);
  await writeEvidence(root, recorded);
  output.out(
    `${count(chosen.size, "run")} recorded${chosen.size > 0 ? `: ${[...chosen].sort(compareText).join(", ")}` : ""}`,
  );
  return recorded;
}

/**
 * Evidence is committed: a link in a run's folder, or in the cache behind it, must not bring a foreign file into it.
 *
 * @throws {UsageError} naming the link
 */
async function refuseLinks(root: string, { runs, nodes }: Tables, chosen: ReadonlySet<string>): Promise<void> {
  const directories = runs.rows.filter((row) => chosen.has(runOf(row))).map(({ directory = "" }) => directory);
  const keys = nodes.rows.filter((row) => chosen.has(runOf(row))).map(({ key = "" }) => key);
  const entries = keys.filter((key) => /^[0-9a-f]{64}$/.test(key)).map((key) => `cache/${key}`);
  for (const folder of new Set([...directories, ...entries])) {
    const link = await foreignLink(join(root, folder));
    if (link !== undefined) {
      throw new UsageError(`${link} is a link out of its folder: evidence is copied from files of the run, remove it`);
    }
  }
}

/** Takes runs out of the evidence. */
async function forgetEvidence(
  root: string,
  evidence: Tables,
  what: readonly string[],
  output: ReportOutput,
): Promise<Tables> {
  const runs = new Set(what.flatMap((one) => [...chooseRuns(evidence, one, evidenceFolder)]));
  const left = forgetRuns(evidence, runs);
  await writeEvidence(root, left);
  output.out(`${count(runs.size, "run")} forgotten: ${[...runs].sort(compareText).join(", ")}`);
  return left;
}

/** The evidence with the table `stale` as it is today, written where it differs. */
async function renewStale(root: string, evidence: Tables, stale: readonly Row[], warn: Warn): Promise<Tables> {
  const renewed = { ...evidence, stale: buildTable("stale", stale, warn) };
  await writeEvidence(root, renewed);
  return renewed;
}

/** The pictures that a report asks for; what is wrong with a directive is said when it is rendered. */
function imageRequests(text: string): ImageRequest[] {
  return findDirectives(text).directives.flatMap(({ kind, args }) => {
    if (kind !== "image") return [];
    try {
      return [parseImage(args)];
    } catch (error) {
      if (error instanceof DirectiveError) return [];
      throw error;
    }
  });
}

/** Says how many finished runs the reports do not know. */
async function noteUnrecorded(root: string, evidence: Tables, output: ReportOutput): Promise<void> {
  const known = new Set(evidence.runs.rows.map((row) => row.directory));
  let unknown = 0;
  for (const directory of await listRuns(root)) {
    if (!known.has(directory) && await isFinished(root, directory)) unknown++;
  }
  if (unknown === 0) return;
  const them = unknown === 1 ? "run is" : "runs are";
  output.error(
    `note: ${unknown} finished ${them} not in the evidence, so the reports do not show them; --record copies them`,
  );
}

async function hashOf(path: string): Promise<string | undefined> {
  try {
    return sha256(await Deno.readFile(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/**
 * Every Markdown file with directives in the root, docs/ and dashboards/, relative to the root, sorted.
 */
export async function findReports(root: string): Promise<string[]> {
  const found: string[] = [];
  const search = async (folder: string, deep: boolean) => {
    try {
      for await (const entry of Deno.readDir(join(root, folder))) {
        const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
        if (entry.isDirectory && deep) await search(path, true);
        if (!entry.isFile || !entry.name.endsWith(".md")) continue;
        const { directives, problems } = findDirectives(await Deno.readTextFile(join(root, path)));
        if (directives.length + problems.length > 0) found.push(path);
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  };
  await search("", false);
  await search("docs", true);
  await search("dashboards", true);
  return found.sort(compareText);
}

function toRelative(root: string, file: string): string {
  const path = relative(root, join(file.startsWith("/") ? "/" : root, file)).split(sep).join("/");
  if (path.startsWith("../")) throw new UsageError(`The report ${file} lies outside ${root}: give one inside it`);
  return path;
}

/** One difference: file, line, what stands there, what the evidence says. */
function describeChange(file: string, { line, kind, before, after }: Change): string {
  let [from, end] = [0, 0];
  while (from < before.length && before[from] === after[from]) from++;
  while (end < Math.min(before.length, after.length) - from && before.at(-1 - end) === after.at(-1 - end)) end++;
  const old = before.slice(from, before.length - end).map((text) => `  - ${text}`);
  const now = after.slice(from, after.length - end).map((text) => `  + ${text}`);
  return [
    `${file}:${line + from}: stillroom:${kind} is not what the evidence says; run report and commit`,
    ...old,
    ...now,
  ]
    .join("\n");
}
