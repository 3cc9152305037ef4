/** What an error that reached the command line means for people and for the exit code. */

import { explainDisk } from "../runner/disk_trouble.ts";
import { failureText, isUserFacing, Stopped, UsageError } from "../runner/errors.ts";

/** The text to print and the exit code: 2 when nothing was run, 130 for Ctrl-C, else 1. */
export function describeFailure(error: unknown): { text: string; code: number } {
  if (error instanceof Stopped) return { text: error.message, code: 130 };
  const explained = explainDisk(error, "the folders of the cache and of runs");
  const text = failureText(explained);
  return { text: isUserFacing(explained) ? `Error: ${text}` : text, code: error instanceof UsageError ? 2 : 1 };
}
