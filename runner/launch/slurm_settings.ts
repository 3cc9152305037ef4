/** What a sweep asks of Slurm: the mapping `slurm:` of a sweep file. */

import { z } from "zod";

/** Resources and options of the jobs of a sweep. */
export const slurmShape = z.object({
  partition: z.string().optional(),
  account: z.string().optional(),
  qos: z.string().optional(),
  time: z.coerce.string().optional().describe("limit of one point: 30, 30:00, 2:00:00 or 1-12:00:00"),
  memory: z.coerce.string().optional().describe("of one point: 4G"),
  cpus: z.int().min(1).optional().describe("of one point"),
  gres: z.string().optional().describe("generic resources of one point: gpu:1"),
  constraint: z.string().optional(),
  parallel: z.int().min(1).optional().describe("points at a time; all when left out"),
  extra: z.array(z.string()).optional().describe("further options of sbatch, as they are"),
  signal_seconds: z.int().min(1).default(120).describe("a checkpoint is asked for so long before the limit"),
  poll_seconds: z.number().positive().default(10).describe("between two looks at the queue"),
  max_resubmits: z.int().min(0).default(3).describe("how often a point whose job vanished is submitted again"),
});

/** What a sweep asks of Slurm, defaults filled in. */
export type SlurmSettings = z.output<typeof slurmShape>;

/**
 * A time limit in seconds, in the forms that `sbatch --time` knows: minutes, minutes:seconds, hours:minutes:seconds, days-hours,
 * days-hours:minutes and days-hours:minutes:seconds. Infinity for `UNLIMITED`; undefined
 * when it is none of them.
 */
export function limitSeconds(time: string): number | undefined {
  if (/^(unlimited|infinite)$/i.test(time.trim())) return Infinity;
  const match = /^(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?$/.exec(time.trim());
  if (!match) return undefined;
  const [first = 0, second = 0, third = 0] = match.slice(2).map((part) => Number(part ?? 0));
  if (match[1] !== undefined) return ((Number(match[1]) * 24 + first) * 60 + second) * 60 + third;
  if (match[4] !== undefined) return (first * 60 + second) * 60 + third;
  return first * 60 + second;
}
