/** Words for a shell. */

/** A word as a POSIX shell takes it for one: in quotes where it needs them. */
export function quoted(word: string): string {
  return /^[\w./%+=,:@-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
