/** Running `deno` and `git`, and the environment that other programs get. */

/** What a program answered. */
export interface Answer {
  /** True when it ended well. */
  readonly ok: boolean;
  /** What it said. */
  readonly stdout: string;
  /** What it complained of. */
  readonly stderr: string;
}

/**
 * Runs `deno` or `git` and collects what it says. Never throws: a program that cannot be started is an answer that is not ok.
 *
 * @param cwd its working directory
 */
export async function ask(program: "deno" | "git", args: readonly string[], cwd?: string): Promise<Answer> {
  try {
    const output = await new Deno.Command(program, {
      args: [...args],
      ...(cwd === undefined ? {} : { cwd }),
      stdin: "null",
      clearEnv: true,
      env: { ...childEnvironment(), NO_COLOR: "1" },
    }).output();
    const text = new TextDecoder();
    return { ok: output.success, stdout: text.decode(output.stdout), stderr: text.decode(output.stderr) };
  } catch (error) {
    return { ok: false, stdout: "", stderr: error instanceof Error ? error.message : String(error) };
  }
}

/**
 * This process's environment for a child. Deno refuses to start programs with LD_* set unless it may start any: clusters set
 * them, so they are left out.
 */
export function childEnvironment(): Record<string, string> {
  return Object.fromEntries(Object.entries(Deno.env.toObject()).filter(([name]) => !/^(LD_|DYLD_)/.test(name)));
}
