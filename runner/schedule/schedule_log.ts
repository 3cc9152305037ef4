/** What a scheduler did: one CSV file, of which the state of every sweep file follows after a crash. */

import { CsvFile, parseCsv } from "../csv.ts";

/**
 * What a row tells. `watched`: from then on its times count. `disabled`: from then on they do not. `started`, then `done`, `failed`
 * (exit code other than 0), `stopped` (with the scheduler) or `interrupted` (the scheduler was killed, as the next one noticed).
 * `overlap`: not started, because an earlier one still ran or waited. `missed`: not started, because no scheduler ran.
 */
export type Outcome =
  | "watched"
  | "disabled"
  | "started"
  | "done"
  | "failed"
  | "stopped"
  | "interrupted"
  | "overlap"
  | "missed";

/** One row. */
export interface LogRow {
  /** The sweep file, relative to the project, with `/`. */
  readonly file: string;
  /** The time by its cron expression; for `watched` and `disabled` when that was seen. */
  readonly due: Date;
  /** When it was started. */
  readonly started?: Date;
  /** When it ended. */
  readonly finished?: Date;
  /** What happened. */
  readonly outcome: Outcome;
  /** Exit code of the sweep. */
  readonly code?: number;
  /** How long it ran. */
  readonly seconds?: number;
}

/** What the log says of one sweep file. */
export interface FileState {
  /** The last time that was dealt with: only later ones count. */
  readonly handled: Date;
  /** True when it was disabled last. */
  readonly disabled: boolean;
  /** The time whose sweep was started and did not end. */
  readonly open?: {
    /** Its time. */
    readonly due: Date;
    /** True when nobody noted yet that it was interrupted. */
    readonly unnoticed: boolean;
  };
}

const columns = ["file", "due", "started", "finished", "outcome", "code", "seconds"] as const;

/** A time that lies further in the future was written by a clock that was wrong, and is not believed; in milliseconds. */
const furthest = 86_400_000;

/** The log, open for appending; only one process may have it open. */
export class ScheduleLog {
  readonly #states: ReadonlyMap<string, FileState>;
  readonly #file: CsvFile;

  /**
   * Opens or makes it. A torn last line is cut off.
   *
   * @param path where it is
   * @param now times that are more than a day later than this are not believed
   */
  constructor(path: string, now: Date) {
    this.#file = new CsvFile(path, columns);
    this.#states = readStates(Deno.readTextFileSync(path), now);
  }

  /** What the log said of a file when it was opened; undefined when the file is not in it. */
  state(file: string): FileState | undefined {
    return this.#states.get(file);
  }

  /** Appends a row and makes it durable. */
  append(row: LogRow): void {
    this.#file.append({
      file: row.file,
      due: row.due.toISOString(),
      started: row.started?.toISOString(),
      finished: row.finished?.toISOString(),
      outcome: row.outcome,
      code: row.code,
      seconds: row.seconds,
    });
    this.#file.flush();
  }

  /** Closes it. */
  close(): void {
    this.#file.close();
  }
}

/** The state of each file, from the rows of a log. Rows that cannot be read are passed over. */
export function readStates(text: string, now: Date): Map<string, FileState> {
  const { columns: found, rows } = parseCsv(text);
  const [file, due, outcome] = ["file", "due", "outcome"].map((name) => found.indexOf(name));
  const states = new Map<string, FileState>();
  for (const row of rows) {
    const name = row[file ?? -1] ?? "", time = new Date(row[due ?? -1] ?? "");
    if (name === "" || !(time.getTime() <= now.getTime() + furthest)) continue;
    states.set(name, nextState(states.get(name), time, row[outcome ?? -1] as Outcome));
  }
  return states;
}

function nextState(before: FileState | undefined, due: Date, outcome: Outcome): FileState {
  const state = {
    handled: before && before.handled > due ? before.handled : due,
    disabled: outcome === "disabled" || (outcome !== "watched" && before?.disabled === true),
  };
  switch (outcome) {
    case "started":
      return { ...state, open: { due, unnoticed: true } };
    case "stopped":
    case "interrupted":
      return { ...state, open: { due, unnoticed: false } };
    case "watched":
    case "overlap":
    case "missed":
      return { ...state, ...(before?.open ? { open: before.open } : {}) };
    default:
      return state;
  }
}
