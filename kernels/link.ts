/**
 * Joins shader text: constants come from TypeScript (their only home), then shared modules, then the kernel's own file.
 *
 * @module
 */
import { LINEAR_INDEX } from "./device.ts";

/** A WGSL constant: integers become `u32` unless given as `{ f32 }`; strings are emitted as they are. */
export type Constant = number | boolean | string | { readonly f32: number };

/** Formats a float so that WGSL reads back the same f32. */
export function f32Literal(value: number): string {
  if (!Number.isFinite(value)) throw new RangeError(`WGSL has no literal for ${value}`);
  const text = String(Math.fround(value));
  return /[.e]/.test(text) ? `${text}f` : `${text}.0f`;
}

/** The text of a whole shader. Pure: equal arguments give equal text, which is also the pipeline cache's key. */
export function link(constants: Readonly<Record<string, Constant>>, ...modules: readonly string[]): string {
  const lines = Object.entries(constants).map(([name, value]) => {
    if (typeof value === "boolean") return `const ${name}: bool = ${value};`;
    if (typeof value === "number") {
      if (!Number.isInteger(value) || value < 0) {
        throw new TypeError(`Constant ${name} = ${value} is no unsigned integer: write { f32: ${value} }`);
      }
      return `const ${name}: u32 = ${value}u;`;
    }
    if (typeof value === "string") return `const ${name} = ${value};`;
    return `const ${name}: f32 = ${f32Literal(value.f32)};`;
  });
  return [lines.join("\n"), LINEAR_INDEX, ...modules].join("\n");
}
