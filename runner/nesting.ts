/** How deep data is nested: code that walks it recursively would overflow the stack on what a few kilobytes can hold. */

/** True when lists and objects lie in each other deeper than any code that walks them should go. */
export function isTooDeep(value: unknown, deepest: number): boolean {
  let level = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > deepest) return true;
    level = level.flatMap((item) => typeof item === "object" && item !== null ? Object.values(item) : []);
  }
  return false;
}
