/**
 * What the JSON files of runs and results must look like before anything is done with them: they may come from another
 * machine, a torn disk or somebody with bad intentions. A name that is no plain name could lead out of `runs/` and `cache/`.
 */

import { z } from "zod";
import { isTooDeep } from "./nesting.ts";

/** Deeper than anything that Stillroom writes; far below what would overflow the stack. */
const DEEPEST = 100;

const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/, "expected a plain name");
const run = z.string().regex(/^\w[\w.-]{0,127}$/, "expected the name of a run's folder");
const key = z.string().regex(/^[0-9a-f]{64}$/, "expected a stage key, 64 hexadecimal digits");
const texts = z.record(z.string(), z.string());
const params = z.record(z.string(), z.unknown());
/** Infinities and NaN are text in files. */
const number = z.union([z.number(), z.literal(["inf", "-inf", "nan"])]);
const seed = z.int();

/** The relative path of a file below a folder, as `listFiles` gives it. */
const file = z.string().refine((path) => isBelow(path), "expected the path of a file inside its folder");

const plan = z.looseObject({
  schema: z.literal(1),
  run,
  experiment: name,
  title: z.string(),
  preset: z.string(),
  scene: z.string().optional(),
  params,
  params_sha256: z.string(),
  seeds: z.array(seed),
  nodes: z.array(z.looseObject({
    name,
    stage: z.string(),
    seeded: z.boolean(),
    device: z.boolean(),
    inputs: texts,
    keys: z.array(key).min(1),
    parts: z.array(z.looseObject({ params, code: z.string(), data: texts, inputs: texts, seed: seed.optional() })),
    files: texts,
    packages: z.array(z.string()),
  })),
  outputs: texts,
  sweep: z.looseObject({ id: run, point: z.int() }).optional(),
});

const summary = z.looseObject({
  schema: z.literal(1),
  run,
  status: z.string().regex(/^[a-z ]{1,32}$/, "expected how the run ended"),
  error: z.looseObject({ node: z.string(), message: z.string() }).optional(),
  metrics: z.record(
    z.string(),
    z.looseObject({ mean: number, spread: number, values: z.array(number), measured: z.boolean().optional() }),
  ),
  gates: z.array(z.looseObject({
    gate: z.string(),
    node: z.string(),
    column: z.string(),
    operator: z.enum([">=", "<="]),
    threshold: number,
    state: z.enum(["pass", "fail", "flaky", "stale", "unmeasured"]),
    value: number.optional(),
    spread: number.optional(),
  })),
  findings: z.array(z.looseObject({
    rule: z.string(),
    severity: z.enum(["note", "warning", "critical"]),
    node: z.string(),
    seed: seed.optional(),
    message: z.string(),
    suggestion: z.string(),
    docs: z.string(),
  })).default([]),
  parameters: z.record(z.string(), z.array(z.string())).default({}),
  parameters_sha256: z.string().optional(),
  gpu_peak_bytes: z.number().optional(),
  seconds: z.number(),
  started: z.string(),
  finished: z.string(),
});

const result = z.looseObject({
  schema: z.literal(1),
  stage: z.string(),
  node: name,
  key,
  seed: seed.optional(),
  seconds: z.number(),
  metrics: z.record(z.string(), z.union([z.number(), z.string()])),
  measured: z.array(z.string()),
  parameters_sha256: z.string().optional(),
  gpu_peak_bytes: z.number().optional(),
  files: z.array(file),
  bytes: z.record(z.string(), z.number()).optional(),
  artifact: z.looseObject({ format: z.string(), version: z.number() }),
  finished: z.string(),
});

const provenance = z.looseObject({
  commit: z.string(),
  dirty: z.boolean(),
  patch_sha256: z.string().optional(),
  untracked: z.array(z.string()).optional(),
  lock_sha256: z.string().optional(),
  adapter: z.looseObject({ description: z.string(), vendor: z.string(), device: z.string(), backend: z.string() })
    .optional(),
  driver: z.string().optional(),
  host: z.string(),
  deno: z.string(),
  started: z.string(),
});

/** The files whose shape is known. */
const shapes = { plan, summary, result, provenance };

/**
 * What is wrong with the content of a `plan.json`, `summary.json`, `result.json` or `provenance.json`; undefined when nothing is.
 *
 * @param kind which of them
 * @param json what it holds
 */
export function shapeProblem(kind: keyof typeof shapes, json: unknown): string | undefined {
  if (isTooDeep(json, DEEPEST)) return `it is nested more than ${DEEPEST} levels deep`;
  const parsed = shapes[kind].safeParse(json);
  if (parsed.success) return undefined;
  const { path, message } = parsed.error.issues[0]!;
  return `${path.map(String).join(".") || "the whole"}: ${message}`;
}

/** True for a relative path of plain parts with `/` between them: nothing that leaves its folder. */
export function isBelow(path: string): boolean {
  // deno-lint-ignore no-control-regex -- a control character in a name is what is refused
  return path !== "" && !/[\\\0-\x1f]/.test(path) && path.split("/").every((part) => !["", ".", ".."].includes(part));
}
