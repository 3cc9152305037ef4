/** Plain text for terminals: aligned columns and colours that vanish when nobody looks. */

/** Paints text when standard output is a terminal that wants colour. */
export class Paint {
  readonly #on: boolean;

  /**
   * Makes it.
   *
   * @param on whether to paint
   */
  constructor(on: boolean = Deno.stdout.isTerminal() && !Deno.noColor) {
    this.#on = on;
  }

  /** Bold. */
  bold(text: string): string {
    return this.#code(1, text);
  }
  /** Faint. */
  dim(text: string): string {
    return this.#code(2, text);
  }
  /** Red. */
  red(text: string): string {
    return this.#code(31, text);
  }
  /** Green. */
  green(text: string): string {
    return this.#code(32, text);
  }
  /** Yellow. */
  yellow(text: string): string {
    return this.#code(33, text);
  }

  #code(code: number, text: string): string {
    return this.#on ? `\x1b[${code}m${text}\x1b[0m` : text;
  }
}

/**
 * Aligns cells in columns, two spaces apart.
 *
 * @param rows rows of cells
 * @param right indices of columns that are aligned to the right
 */
export function alignColumns(rows: readonly (readonly string[])[], right: readonly number[] = []): string {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, i) => widths[i] = Math.max(widths[i] ?? 0, width(cell)));
  return rows.map((row) =>
    row.map((cell, i) => {
      const gap = " ".repeat((widths[i] ?? 0) - width(cell));
      return right.includes(i) ? gap + cell : cell + gap;
    }).join("  ").trimEnd()
  ).join("\n");
}

/** Columns that a line takes on a terminal: colours take none. */
export function width(text: string): number {
  // deno-lint-ignore no-control-regex
  return [...text.replace(/\x1b\[\d+m/g, "")].length;
}
