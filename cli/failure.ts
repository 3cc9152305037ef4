/** What an error that reached the command line means for people and for the exit code. */

import { StageError, Stopped, UsageError } from "../runner/errors.ts";

/** The text to print and the exit code: 2 for what the user can mend in the command, 130 for Ctrl-C, else 1. */
export function describeFailure(error: unknown): { text: string; code: number } {
  if (error instanceof UsageError) return { text: `Error: ${error.message}`, code: 2 };
  if (error instanceof Stopped) return { text: error.message, code: 130 };
  if (error instanceof StageError) return { text: `Error: ${error.message}`, code: 1 };
  return { text: error instanceof Error ? error.stack ?? error.message : String(error), code: 1 };
}
