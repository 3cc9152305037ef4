/**
 * JSON files that must have a known shape: whatever is wrong with one becomes an error that names it.
 * @module
 */
import type { z } from "zod";
import { messageOf, readBytes, SceneError } from "./errors.ts";

/**
 * Reads a JSON file and checks it.
 *
 * @param mend what to do when its content is wrong
 * @param missing what to do when it is not there
 * @throws SceneError when it cannot be read, is no JSON, or does not fit; then the first place that does not is named
 */
export async function readJsonFile<S extends z.ZodType>(
  file: string,
  schema: S,
  mend: string,
  missing = mend,
): Promise<z.output<S>> {
  const bytes = await readBytes(file, missing);
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw new SceneError(file, `Not valid JSON (${messageOf(error)})`, mend, { cause: error });
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw new SceneError(file, `${issue.path.join(".") || "The whole"}: ${issue.message}`, mend);
}
