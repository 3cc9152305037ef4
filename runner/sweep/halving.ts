/**
 * Asynchronous successive halving (ASHA; Li et al. 2020, "A system for massively parallel hyperparameter tuning", algorithm
 * 2): many trials get a small budget, the best of each rung go on from their checkpoint to the next. Nobody waits for a rung
 * to be full: a trial is promoted as soon as it is among the best 1/eta of those that are done.
 */

/** What is known of one trial at one rung. */
export interface RungRecord {
  /** Number of the trial, from 0. */
  readonly trial: number;
  /** Rung that it was launched for, from 0. */
  readonly rung: number;
  /** How far it got. */
  readonly state: "running" | "done" | "pruned" | "failed";
  /** Lower is better. */
  readonly score?: number;
}

/** Settings of a successive halving. */
export interface HalvingOptions {
  /** How many configurations start at rung 0. */
  readonly trials: number;
  /** One in this many is promoted; at least 2. */
  readonly eta: number;
  /** Number of rungs: 0 to `rungs - 1`, of which the last has the full budget. */
  readonly rungs: number;
}

/** A trial and the rung to bring it to; a trial number not seen yet is a new configuration at rung 0. */
export type HalvingJob = { readonly trial: number; readonly rung: number };

/**
 * The next jobs, given all that was launched so far. From the highest rung down: the best done trial of a rung's top
 * `floor(n / eta)` that was not promoted yet, where `n` counts all that ended there, also pruned and failed ones, which are
 * never promoted themselves; else a new trial, while there are fewer than `trials`. Ties go to the lower trial number.
 *
 * A departure from the paper: when all trials are in, nothing runs and nobody earned a promotion, and no trial was brought to
 * the last rung, the best of the highest rung that has one goes on all the same. A sweep of few trials thereby never ends
 * without a full result, unless all of them fail.
 *
 * Pure: the same records give the same jobs, in whatever order they are listed.
 *
 * @param records one per trial and rung that was launched
 * @param count how many jobs at most
 * @returns the jobs; none: wait for the running ones, or all is finished when nothing runs
 * @throws {RangeError} when eta is below 2, or trials or rungs are below 1 or not whole
 */
export function nextJobs(records: readonly RungRecord[], options: HalvingOptions, count: number): HalvingJob[] {
  const { trials, eta, rungs } = options;
  if (!(eta >= 2)) throw new RangeError(`Expected eta of at least 2, found ${eta}`);
  for (const [name, value] of Object.entries({ trials, rungs })) {
    if (!Number.isInteger(value) || value < 1) throw new RangeError(`Expected ${name} of at least 1, found ${value}`);
  }
  const known = [...records];
  const jobs: HalvingJob[] = [];
  while (jobs.length < count) {
    const job = nextJob(known, options);
    if (job === undefined) break;
    jobs.push(job);
    known.push({ ...job, state: "running" });
  }
  return jobs;
}

function nextJob(records: readonly RungRecord[], { trials, eta, rungs }: HalvingOptions): HalvingJob | undefined {
  for (let rung = rungs - 2; rung >= 0; rung--) {
    const ended = records.filter((record) => record.rung === rung && record.state !== "running").length;
    const best = ranked(records, rung).slice(0, Math.floor(ended / eta));
    const job = firstUnpromoted(best, records);
    if (job) return job;
  }
  const started = new Set(records.map((record) => record.trial));
  if (started.size < trials) return { trial: firstFree(started), rung: 0 };
  if (records.some((record) => record.state === "running")) return undefined;
  return lastResort(records, rungs);
}

/** The done records of a rung, best first. */
function ranked(records: readonly RungRecord[], rung: number): RungRecord[] {
  return records.filter((record) => record.rung === rung && record.state === "done" && !Number.isNaN(scoreOf(record)))
    .sort((a, b) => compare(scoreOf(a), scoreOf(b)) || a.trial - b.trial);
}

/** A done record without score cannot be ranked. */
function scoreOf(record: RungRecord): number {
  return record.score ?? NaN;
}

/** Order of two numbers; infinities have no difference to sort by. */
function compare(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function firstUnpromoted(best: readonly RungRecord[], records: readonly RungRecord[]): HalvingJob | undefined {
  const found = best.find(({ trial, rung }) => !records.some((other) => other.trial === trial && other.rung > rung));
  return found && { trial: found.trial, rung: found.rung + 1 };
}

function firstFree(taken: ReadonlySet<number>): number {
  let trial = 0;
  while (taken.has(trial)) trial++;
  return trial;
}

/** The way to a full result when nobody earned one; every trial is in and nothing runs. */
function lastResort(records: readonly RungRecord[], rungs: number): HalvingJob | undefined {
  if (records.some((record) => record.rung === rungs - 1 && record.state === "done")) return undefined;
  for (let rung = rungs - 2; rung >= 0; rung--) {
    const job = firstUnpromoted(ranked(records, rung), records);
    if (job) return job;
  }
  return undefined;
}

/**
 * Budgets of the rungs: `max` divided by eta again and again down to `min`, rising, whole numbers, the last one `max`.
 *
 * @param min smallest budget worth a verdict, a whole number of at least 1
 * @param max full budget, at least `min`
 * @param eta ratio of neighbouring rungs, at least 2
 * @returns for example 100, 300, 900, 2700 of (100, 2700, 3)
 * @throws {RangeError} when they are out of range
 */
export function budgets(min: number, max: number, eta: number): number[] {
  if (!(Number.isSafeInteger(min) && min >= 1)) {
    throw new RangeError(`Expected a whole min of at least 1, found ${min}`);
  }
  if (!(Number.isSafeInteger(max) && max >= min)) {
    throw new RangeError(`Expected a whole max of at least min (${min}), found ${max}`);
  }
  if (!(eta >= 2)) throw new RangeError(`Expected eta of at least 2, found ${eta}`);
  const rising = [max];
  for (let rung = 1; max / eta ** rung >= min; rung++) rising.unshift(Math.round(max / eta ** rung));
  return rising;
}
