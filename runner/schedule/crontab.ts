/** Entries for cron, and for Slurm's own cron. */

import { UsageError } from "../errors.ts";
import { crontabFields, denoCommand, type EntryContext, sweepLog, sweepShellCommand } from "./entries.ts";
import { refuseControl, type ScheduledSweep } from "./sweep_files.ts";
import { canonicalTimezone } from "./timetable.ts";

/** How often cron looks for times of other zones, in minutes; less than the grace of `schedule --once`. */
const lookMinutes = 4;

/**
 * A crontab. Times in the machine's zone become lines of their own. For other zones, which only cronie knows (`CRON_TZ`; Debian's
 * cron takes it for a variable of the job and starts it at the wrong time), one line lets `schedule --once` look for them, which is
 * right everywhere; the lines for cronie stand below it as comments.
 *
 * @throws {UsageError} for times that cron cannot express
 */
export function crontab(sweeps: readonly ScheduledSweep[], context: EntryContext): string {
  const here = sweeps.filter(({ schedule }) => sameZone(schedule.timezone, context.timezone));
  const abroad = sweeps.filter((sweep) => !here.includes(sweep));
  const lines = [
    `# Written by "deno task schedule --print crontab"; add it with crontab -e`,
    `# It is assumed that cron's time zone is ${context.timezone}, and that no CRON_TZ stands above`,
    ...logFolderLine(context),
  ];
  for (const sweep of here) lines.push("", ...remarks(sweep), entryLine(sweep, context));
  if (abroad.length > 0) lines.push("", ...abroadLines(abroad, context));
  return lines.join("\n");
}

/** cron opens the log before the sweep could make its folder. */
function logFolderLine({ logs, quote }: EntryContext): string[] {
  return [`# Make the folder of the logs first: mkdir -p ${quote(logs)}`];
}

function entryLine(sweep: ScheduledSweep, context: EntryContext): string {
  const command = `${sweepShellCommand(sweep, context)} >> ${context.quote(sweepLog(sweep, context))} 2>&1`;
  return `${crontabFields(sweep, "crontab")} ${escapePercent(command)}`;
}

function abroadLines(sweeps: readonly ScheduledSweep[], context: EntryContext): string[] {
  const { logs, quote } = context;
  const files = sweeps.map(({ file }) => quote(file)).join(" ");
  const look = `${denoCommand(context)} task schedule --once ${files} >> ${quote(`${logs}/once.log`)} 2>&1`;
  const zones = [...new Set(sweeps.map(({ schedule }) => schedule.timezone))];
  return [
    `# Times in ${
      zones.join(", ")
    }. Cron starts a look at them, which is right with every cron. The first look only notes that`,
    "# the files are watched; jitter and missed are as the files say",
    `*/${lookMinutes} * * * * ${escapePercent(look)}`,
    "#",
    "# With cronie (Fedora, Red Hat, Arch), and only there, these lines can stand in place of the one above, at the very end:",
    "# CRON_TZ holds for all lines below it. Debian's and Ubuntu's cron does not know it",
    ...zones.flatMap((zone) => [
      `#CRON_TZ=${zone}`,
      ...sweeps.filter(({ schedule }) => schedule.timezone === zone).map((sweep) => cronieLine(sweep, context)),
    ]),
  ];
}

function cronieLine(sweep: ScheduledSweep, context: EntryContext): string {
  try {
    return `#${entryLine(sweep, context)}`;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return `# ${error.message}`;
  }
}

function remarks({ file, schedule }: ScheduledSweep): string[] {
  return [
    `# ${file}: ${schedule.cron}`,
    ...(schedule.missed === "skip"
      ? []
      : [`# missed: ${schedule.missed} is not cron's to do: what comes while the machine is off is not made up for`]),
  ];
}

/**
 * A crontab for `scrontab`, with the resources of each file's `slurm:`.
 *
 * @throws {UsageError} for times that it cannot express: other zones than the controller's among them
 */
export function scrontab(sweeps: readonly ScheduledSweep[], context: EntryContext): string {
  const lines = [
    `# Written by "deno task schedule --print scrontab"; add it with scrontab -e`,
    `# It is assumed that the time zone of Slurm's controller is ${context.timezone}, and that ScronParameters=enable is set`,
    "# Slurm submits the next job when the one before has ended: sweeps do not overlap",
    ...logFolderLine(context),
  ];
  for (const sweep of sweeps) {
    const { file, schedule } = sweep;
    if (!sameZone(schedule.timezone, context.timezone)) {
      throw new UsageError(
        `scrontab knows no time zones: ${file} has ${schedule.timezone}, Slurm here ${context.timezone}: ` +
          "try --print crontab or systemd",
      );
    }
    lines.push(
      "",
      `# ${file}: ${schedule.cron}`,
      ...slurmRemark(sweep),
      ...slurmOptions(sweep, context).map((option) => `#SCRON ${option}`),
      `${crontabFields(sweep, "scrontab")} ${sweepShellCommand(sweep, context)}`,
    );
  }
  return lines.join("\n");
}

function slurmRemark({ slurm, launch }: ScheduledSweep): string[] {
  if (launch === "slurm") {
    return [
      "# This job submits the points and follows them; their resources are those of the sweep file, not of this job",
    ];
  }
  return slurm ? ["# The points run in this job: its resources are those of one point in the sweep file"] : [];
}

function slurmOptions(sweep: ScheduledSweep, context: EntryContext): string[] {
  const { slurm, launch } = sweep;
  const own = launch === "slurm";
  const options: (readonly [name: string, value: string | number | undefined])[] = [
    ["job-name", `sweep-${sweep.name}`],
    ["output", sweepLog(sweep, context)],
    ["open-mode", "append"],
    ["partition", slurm?.partition],
    ["account", slurm?.account],
    ["qos", slurm?.qos],
    ["constraint", slurm?.constraint],
    ["time", own ? undefined : slurm?.time],
    ["mem", own ? undefined : slurm?.memory],
    ["cpus-per-task", own ? undefined : slurm?.cpus],
    ["gres", own ? undefined : slurm?.gres],
  ];
  const words = [
    ...options.flatMap(([name, value]) => value === undefined ? [] : [`--${name}=${context.quote(String(value))}`]),
    ...(own ? [] : slurm?.extra ?? []),
  ];
  for (const word of words) refuseControl(word, `slurm of ${sweep.file}`);
  return words;
}

/** cron takes a bare % for the end of the line. */
function escapePercent(command: string): string {
  return command.replaceAll("%", "\\%");
}

function sameZone(a: string, b: string): boolean {
  return canonicalTimezone(a) === canonicalTimezone(b);
}
