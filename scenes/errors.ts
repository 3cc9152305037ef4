/**
 * The error every reader of this folder throws: it always names the file.
 * @module
 */

/** A scene file that is missing, torn or not what it should be. The message names the file and how to mend it. */
export class SceneError extends Error {
  /** The offending file or folder, as it was asked for. */
  readonly file: string;
  /** The runner shows the message without a stack: it says all that is needed. */
  readonly userFacing = true;

  /**
   * Composes the message from its parts.
   *
   * @param file the offending file or folder
   * @param problem what was expected and what was found
   * @param mend what the user can do about it
   */
  constructor(file: string, problem: string, mend?: string, options?: ErrorOptions) {
    super(mend === undefined ? `${file}: ${problem}` : `${file}: ${problem}. To mend it, ${mend}`, options);
    this.name = "SceneError";
    this.file = file;
  }
}

/** The message of anything thrown, without the name of its class. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * The bytes of a file, with the ways it can fail turned into a {@linkcode SceneError}.
 *
 * @param file the path
 * @param mend what to do when the file is missing
 */
export async function readBytes(file: string, mend = "restore the file or correct the path"): Promise<Uint8Array> {
  try {
    return await Deno.readFile(file);
  } catch (error) {
    throw readError(file, error, mend);
  }
}

/** The {@linkcode SceneError} for a failed read of `file`. */
export function readError(file: string, error: unknown, mend = "restore the file or correct the path"): SceneError {
  if (error instanceof SceneError) return error;
  if (error instanceof Deno.errors.NotFound) return new SceneError(file, "File is missing", mend, { cause: error });
  if (error instanceof Deno.errors.NotCapable) {
    return new SceneError(file, "Deno may not read this file", "run with --allow-read for its folder", {
      cause: error,
    });
  }
  return new SceneError(file, `Cannot be read (${messageOf(error)})`, mend, { cause: error });
}
