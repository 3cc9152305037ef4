/** When a sweep runs: the keys of a sweep file that `schedule` reads. */

import { z } from "zod";
import { isTimezone, patternProblem } from "./timetable.ts";

const cron = z.string({
  error: ({ input }) => `Expected a cron expression in quotes, such as "30 2 * * *", found ${JSON.stringify(input)}`,
}).superRefine((expression, context) => {
  const problem = patternProblem(expression);
  if (problem !== undefined) context.addIssue({ code: "custom", message: problem });
});

const timezone = z.string().superRefine((name, context) => {
  if (isTimezone(name)) return;
  context.addIssue({
    code: "custom",
    message: `Expected the name of a time zone, such as "Europe/Berlin" or "UTC", found ${JSON.stringify(name)}`,
  });
});

/** The keys of a sweep file that say when it runs, for its zod object. */
export const scheduleShape = {
  cron: cron.optional().describe(
    "when it runs, such as 30 2 * * * for half past two at night; five fields, or six with seconds before them",
  ),
  timezone: timezone.optional().describe(
    "IANA name of the zone of these times, such as Europe/Berlin; this machine's when left out",
  ),
  jitter: z.number().min(0).max(86_400).default(0).describe(
    "each start is delayed by up to so many seconds, always the same for the same time",
  ),
  missed: z.enum(["skip", "once", "all"]).default("once").describe(
    "what becomes of times at which no scheduler ran: none is made up for, the last one, or each (24 at most)",
  ),
  enabled: z.boolean().default(true).describe("false: it is not started by its times"),
};

/** What becomes of times at which no scheduler ran. */
export type MissedPolicy = "skip" | "once" | "all";

/** When a sweep runs, with nothing left open. */
export interface Schedule {
  /** The cron expression: five fields, six with seconds, or a name such as `@daily`. */
  readonly cron: string;
  /** IANA name of the zone of its times. */
  readonly timezone: string;
  /** Each start is delayed by up to so many seconds, at least 0. */
  readonly jitter: number;
  /** What becomes of times at which no scheduler ran. */
  readonly missed: MissedPolicy;
  /** Whether it is started by its times. */
  readonly enabled: boolean;
}
