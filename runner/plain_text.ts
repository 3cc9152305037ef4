/** Text of files for a terminal: what could move its cursor, change its title or hide what stands before it is left out. */

// deno-lint-ignore no-control-regex -- control characters are what is looked for
const controls = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]/g;

/** Text without control characters; line breaks and tabs stay. */
export function plainText(text: string): string {
  return text.replace(controls, "");
}

/** The same for every text and key in plain data, which must not be nested too deeply for recursion. */
export function plainData(value: unknown): unknown {
  if (typeof value === "string") return plainText(value);
  if (Array.isArray(value)) return value.map(plainData);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [plainText(key), plainData(item)]));
}
