/** The batch script of a job array, and the options that it is submitted with. */

import type { SweepTask } from "./launcher.ts";
import type { SlurmSettings } from "./slurm_settings.ts";

/** How often a task that is stopped before its time limit asks to be started again: a training that never saves would do so for ever. */
export const MOST_CONTINUATIONS = 100;

/** A word as a POSIX shell reads it. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/**
 * The script. Slurm sends USR2 to it alone, some time before the limit: the script passes it on (an `exec`ed task would get it
 * too, but then nobody would be left to ask for a new start), waits until the task has saved its checkpoint and left with 130, and
 * asks Slurm to requeue this one task. No follower is needed for that. TERM means that somebody else decided (scancel, preemption,
 * requeue, the limit itself): it is passed on, and that is all. Never USR1: it opens Deno's inspector.
 *
 * @param list path of the file whose line k is the point of task k
 * @param folder the sweep's folder
 */
export function batchScript(list: string, folder: string, task: SweepTask): string {
  return `#!/bin/bash
# Written by Stillroom: runs one point of the sweep for each task of the array.
asked= heard= child=
pass_on() { asked=$1 heard=yes; [ -z "$child" ] || kill -s "$1" "$child" 2> /dev/null; }
trap 'pass_on USR2' USR2
trap 'pass_on TERM' TERM

folder=${shellWord(folder)}
list=${shellWord(list)}
point=$(sed -n "$((SLURM_ARRAY_TASK_ID + 1))p" "$list")
me=\${SLURM_ARRAY_JOB_ID}_\${SLURM_ARRAY_TASK_ID} # not SLURM_JOB_ID: that of the last task names the whole array
case $point in
  '' | *[!0-9]*) echo "Expected a point in line $((SLURM_ARRAY_TASK_ID + 1)) of $list, found \\"$point\\"" >&2; exit 1 ;;
esac
echo "$(date -u +%FT%TZ) point $point: job $me on \${SLURMD_NODENAME:-$(hostname)}, start $((\${SLURM_RESTART_COUNT:-0} + 1))"
cd ${shellWord(task.cwd)} || exit 1
${task.argv.map(shellWord).join(" ")} "$folder" "$point" < /dev/null &
child=$!
[ -z "$asked" ] || pass_on "$asked" # it came before the task was there
# A signal ends the wait, not the task: wait again
while :; do
  heard=
  wait "$child"
  code=$?
  [ -n "$heard" ] || break
done

# 130: stopped after a checkpoint; 140: USR2 came before the task listened for it
if [ "$asked" = USR2 ] && { [ "$code" -eq 130 ] || [ "$code" -eq 140 ]; }; then
  if [ "\${SLURM_RESTART_COUNT:-0}" -lt ${MOST_CONTINUATIONS} ]; then
    echo "$(date -u +%FT%TZ) point $point: stopped after a checkpoint, to be started again"
    trap '' TERM # requeueing ends this script, which is at its end anyway
    scontrol requeue "$me"
  else
    echo "Started ${MOST_CONTINUATIONS} times without coming to an end: give it more time with slurm.time" >&2
  fi
fi
exit "$code"
`;
}

/** The script of the job that makes the report when all arrays have ended. */
export function reportScript(argv: readonly string[], cwd: string): string {
  return `#!/bin/bash
# Written by Stillroom: runs when all tasks of the sweep have ended.
cd ${shellWord(cwd)} || exit 1
exec ${argv.map(shellWord).join(" ")} < /dev/null
`;
}

/** A path as the value of `--output`, where `%` begins a replacement. */
function outputPath(path: string): string {
  return path.replaceAll("%", "%%");
}

/** Where a job belongs: options that the array and the report share. */
function placeOptions({ partition, account, qos }: SlurmSettings): string[] {
  return [
    ...option("partition", partition),
    ...option("account", account),
    ...option("qos", qos),
  ];
}

/**
 * The options of `sbatch` for an array.
 *
 * @param logs the folder of logs
 * @param number number of the array, for the names of its logs
 * @param count how many tasks it has
 */
export function arrayOptions(
  settings: SlurmSettings,
  { name, logs, number, count }: { name: string; logs: string; number: number; count: number },
): string[] {
  const { time, memory, cpus, gres, constraint, parallel, extra, signal_seconds } = settings;
  const most = parallel === undefined ? "" : `%${parallel}`;
  return [
    "--parsable",
    `--array=0-${count - 1}${most}`,
    `--job-name=${name}`,
    `--output=${outputPath(`${logs}/${number}_`)}%a.log`,
    "--open-mode=append", // a requeued task keeps what it said before
    "--requeue",
    `--signal=B:USR2@${signal_seconds}`,
    ...placeOptions(settings),
    ...option("time", time),
    ...option("mem", memory),
    ...option("cpus-per-task", cpus),
    ...option("gres", gres),
    ...option("constraint", constraint),
    ...extra ?? [],
  ];
}

/** The options of `sbatch` for the job that makes the report. */
export function reportOptions(
  settings: SlurmSettings,
  { name, logs, jobs }: { name: string; logs: string; jobs: readonly string[] },
): string[] {
  return [
    "--parsable",
    `--job-name=${name}`,
    `--output=${outputPath(logs)}/report.log`,
    "--open-mode=append",
    dependencyOption(jobs),
    ...placeOptions(settings),
  ];
}

/** Runs after the jobs have ended, however they did. */
export function dependencyOption(jobs: readonly string[]): string {
  return `--dependency=afterany:${jobs.join(":")}`;
}

function option(name: string, value: string | number | undefined): string[] {
  return value === undefined ? [] : [`--${name}=${value}`];
}
