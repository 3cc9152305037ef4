/** What `schedule` may be told. */

import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { multiple, optional, withDefault } from "@optique/core/modifiers";
import { argument, command, constant, option } from "@optique/core/primitives";
import { choice, integer, string } from "@optique/core/valueparser";
import { examples } from "./options.ts";

/** The command `schedule`. */
export const schedule = command(
  "schedule",
  object({
    action: constant("schedule"),
    files: multiple(argument(string({ metavar: "FILE" }), {
      description: message`Sweep files with times, such as sweeps/night.yaml; all of the folder when none is named.`,
    })),
    dir: optional(option("--dir", string({ metavar: "DIR" }), {
      description: message`The folder of sweep files; "sweeps" in the project when left out.`,
    })),
    once: option("--once", {
      description: message`Start what is due by now, wait for it, and exit: for the cron of a machine.`,
    }),
    next: optional(option("--next", integer({ min: 1, max: 1000, metavar: "N" }), {
      description: message`Print the next N times of each file, and exit.`,
    })),
    print: optional(option("--print", choice(["crontab", "systemd", "scrontab"], { metavar: "KIND" }), {
      description: message`Print entries for the machine's own scheduler, and exit: crontab, systemd or scrontab.`,
    })),
    parallel: withDefault(
      option("--parallel", integer({ min: 1, max: 64, metavar: "N" }), {
        description: message`Sweeps at a time. One sweep is never started while it still runs.`,
      }),
      1,
      { message: message`1` },
    ),
    grace: withDefault(
      option("--grace", integer({ min: 1, max: 86_400, metavar: "S" }), {
        description: message`Seconds after which a time that was not noticed counts as missed.`,
      }),
      300,
      { message: message`300` },
    ),
  }),
  {
    brief: message`Start sweeps at the times that their files name (cron:).`,
    description:
      message`Finds the sweep files that have cron: and starts each when it is due, until Ctrl-C. What it did is in sweep-runs/schedule/log.csv; a scheduler that was killed goes on from there. Exit code 0; 1: a sweep failed (--once), or a file is broken; 2: nothing was done; 130: stopped by Ctrl-C.`,
    footer: examples(
      ["deno task schedule", "start what is due, until Ctrl-C"],
      ["deno task schedule --next 5", "the next times"],
      ["deno task schedule --once", "what is due by now"],
      ["deno task schedule --print systemd sweeps/night.yaml", "a timer for systemd"],
      ["deno task schedule --print crontab", "lines for crontab -e"],
    ),
  },
);

/** What `schedule` was told. */
export interface ScheduleArguments {
  /** Which command. */
  readonly action: "schedule";
  /** Sweep files; all of the folder when empty. */
  readonly files: readonly string[];
  /** The folder of sweep files. */
  readonly dir: string | undefined;
  /** Deal with what is due, and exit. */
  readonly once: boolean;
  /** Print so many next times, and exit. */
  readonly next: number | undefined;
  /** Print entries for this scheduler, and exit. */
  readonly print: "crontab" | "systemd" | "scrontab" | undefined;
  /** Sweeps at a time. */
  readonly parallel: number;
  /** Seconds after which a time counts as missed. */
  readonly grace: number;
}
