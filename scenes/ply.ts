/**
 * PLY (Greg Turk's polygon file format, 1994) as tables of scalars: `ascii`, `binary_little_endian` and
 * `binary_big_endian` are read, columns are found by name. Lists belong to meshes and are not read here.
 * @module
 */
import { SceneError } from "./errors.ts";

/** Scalar types by their old names; the new ones (`float32`, `uint8` ..) are the same types. */
export type PlyType = "char" | "uchar" | "short" | "ushort" | "int" | "uint" | "float" | "double";

/** How the rows after the header are stored. */
export type PlyFormat = "ascii" | "binary_little_endian" | "binary_big_endian";

/** One scalar of every row of an element. */
export interface PlyProperty {
  /** Its type. */
  readonly type: PlyType;
  /** Its place among the properties of its element. */
  readonly index: number;
  /** Its first byte in a binary row. */
  readonly offset: number;
}

/** A table of the file. */
export interface PlyElement {
  /** Rows. */
  readonly count: number;
  /** Bytes of a binary row. */
  readonly stride: number;
  /** Its first byte in a binary body. */
  readonly start: number;
  /** Rows of the elements before it: its first line in an ascii body. */
  readonly firstRow: number;
  /** By name, in the order of the file. */
  readonly properties: ReadonlyMap<string, PlyProperty>;
}

/** A PLY file whose header is read and whose body is as long as that says. */
export interface Ply {
  /** Its name, for messages. */
  readonly file: string;
  /** How the body is stored. */
  readonly format: PlyFormat;
  /** By name, in the order of the file. */
  readonly elements: ReadonlyMap<string, PlyElement>;
  /** What follows the header; not a copy. */
  readonly body: Uint8Array;
}

const BYTES: Record<PlyType, number> = {
  char: 1,
  uchar: 1,
  short: 2,
  ushort: 2,
  int: 4,
  uint: 4,
  float: 4,
  double: 8,
};
const TYPE_NAMES = new Map<string, PlyType>([
  ...(Object.keys(BYTES) as PlyType[]).map((type): [string, PlyType] => [type, type]),
  ...Object.entries({ int8: "char", uint8: "uchar", int16: "short", uint16: "ushort" } as const),
  ...Object.entries({ int32: "int", uint32: "uint", float32: "float", float64: "double" } as const),
]);
/** A splat's header is 1.5 kB; comments may make it longer. */
const MAX_HEADER = 65536;
const NEWLINE = 10;
const MEND = "write it again or fetch it again";

/** Whether a file starts as every PLY does: the line `ply`. */
export function isPly(bytes: Uint8Array): boolean {
  const [p, l, y, a, b] = bytes;
  return p === 0x70 && l === 0x6c && y === 0x79 && (a === NEWLINE || (a === 13 && b === NEWLINE));
}

/**
 * Reads the header and checks that the body is exactly as long as it says; nothing is allocated for the rows.
 *
 * @param file its name, for messages
 * @throws SceneError when the file is torn, too long or not a PLY, its header is damaged, or there are rows of lists
 */
export function openPly(bytes: Uint8Array, file: string): Ply {
  if (!isPly(bytes)) throw new SceneError(file, "Not a PLY file (its first line is not `ply`)", MEND);
  const { lines, end } = headerLines(bytes, file);
  const { format, drafts } = parseHeader(lines, file);
  const elements = new Map<string, PlyElement>();
  let start = 0;
  let firstRow = 0;
  for (const { name, count, properties, stride } of drafts) {
    if (count > 0 && stride === 0) {
      throw new SceneError(file, `Damaged PLY header: the ${count} rows of ${name} have no properties`, MEND);
    }
    elements.set(name, { count, stride, start, firstRow, properties });
    start += count * stride;
    firstRow += count;
  }
  const body = bytes.subarray(end);
  const ascii = format === "ascii";
  const [wanted, found, unit] = ascii ? [firstRow, countLines(body), "lines"] : [start, body.length, "bytes"];
  if (wanted !== found) {
    const declared = drafts.map(({ name, count, stride }) =>
      `${count} rows of ${name}${ascii ? "" : ` of ${stride} bytes`}`
    );
    throw new SceneError(
      file,
      `${found < wanted ? "Torn" : "Overlong"} PLY file: expected ${wanted} ${unit} after its header ` +
        `(${declared.join(", ")}), found ${found}`,
      MEND,
    );
  }
  if (ascii && body.length < drafts.reduce((sum, { count, properties }) => sum + 2 * count * properties.size, 0)) {
    throw new SceneError(file, "Torn PLY file: its lines are too short for the numbers that its header declares", MEND);
  }
  return { file, format, elements, body };
}

/**
 * The element of that name, which must have all these properties, each of one of these types.
 *
 * @throws SceneError listing what is missing or of another type
 */
export function plyElement(
  ply: Ply,
  name: string,
  properties: readonly string[],
  types: readonly PlyType[],
): PlyElement {
  const element = ply.elements.get(name);
  const mend = "export it again as 3D Gaussian splats";
  if (element === undefined) throw new SceneError(ply.file, `Expected an element ${name}, found none`, mend);
  const missing = properties.filter((property) => !element.properties.has(property));
  if (missing.length > 0) throw new SceneError(ply.file, `Missing in element ${name}: ${missing.join(", ")}`, mend);
  for (const property of properties) {
    const { type } = element.properties.get(property)!;
    if (!types.includes(type)) {
      throw new SceneError(ply.file, `Expected ${property} to be ${types.join(" or ")}, found ${type}`, mend);
    }
  }
  return element;
}

interface Draft {
  readonly name: string;
  readonly count: number;
  readonly properties: Map<string, PlyProperty>;
  stride: number;
}

/** What the header's lines, from its second on, declare. */
function parseHeader(lines: readonly string[], file: string): { format: PlyFormat; drafts: Draft[] } {
  const drafts: Draft[] = [];
  let format: PlyFormat | undefined;
  lines.forEach((line, index) => {
    const fail = (problem: string, mend = MEND) =>
      new SceneError(file, `Damaged PLY header, line ${index + 2}: ${problem}`, mend);
    const words = line.trim().split(/\s+/);
    const draft = drafts.at(-1);
    switch (words[0]) {
      case "comment":
      case "obj_info":
        return;
      case "format": {
        if (format !== undefined) throw fail("expected one format, found another");
        const known = words[1] === "ascii" || words[1] === "binary_little_endian" || words[1] === "binary_big_endian";
        if (!known || words[2] !== "1.0" || words.length !== 3) {
          throw fail(`expected ascii, binary_little_endian or binary_big_endian 1.0, found ${quote(line)}`);
        }
        format = words[1] as PlyFormat;
        return;
      }
      case "element": {
        const [, name, count] = words;
        if (words.length !== 3 || !/^\d{1,15}$/.test(count!)) {
          throw fail(`expected an element's name and a whole number of rows, found ${quote(line)}`);
        }
        if (drafts.some((other) => other.name === name)) throw fail(`the element ${name} is declared twice`);
        drafts.push({ name: name!, count: Number(count), properties: new Map(), stride: 0 });
        return;
      }
      case "property": {
        if (draft === undefined) throw fail("a property before any element");
        if (words[1] === "list") {
          if (draft.count === 0) return;
          throw fail(
            `the element ${draft.name} has a list, ${quote(line)}, expected scalars`,
            "write it without lists; splats have none",
          );
        }
        const type = TYPE_NAMES.get(words[1] ?? "");
        const name = words[2];
        if (type === undefined || name === undefined || words.length !== 3) {
          throw fail(`expected a property's type and name, found ${quote(line)}`);
        }
        if (draft.properties.has(name)) throw fail(`the property ${name} of ${draft.name} is declared twice`);
        draft.properties.set(name, { type, index: draft.properties.size, offset: draft.stride });
        draft.stride += BYTES[type];
        return;
      }
      default:
        throw fail(`expected format, element, property, comment or end_header, found ${quote(line)}`);
    }
  });
  if (format === undefined) throw new SceneError(file, "Damaged PLY header: it has no format line", MEND);
  return { format, drafts };
}

/** The lines between `ply` and `end_header`, and where the body starts. */
function headerLines(bytes: Uint8Array, file: string): { lines: string[]; end: number } {
  const head = bytes.subarray(0, MAX_HEADER);
  const decoder = new TextDecoder();
  const lines: string[] = [];
  let at = head.indexOf(NEWLINE) + 1;
  for (;;) {
    const end = head.indexOf(NEWLINE, at);
    if (end < 0) {
      const problem = bytes.length > MAX_HEADER
        ? `Damaged PLY header: no end_header in the first ${MAX_HEADER} bytes`
        : "Torn PLY file: it ends inside its header";
      throw new SceneError(file, problem, MEND);
    }
    const line = decoder.decode(head.subarray(at, end)).replace(/\r$/, "");
    at = end + 1;
    if (line === "end_header") return { lines, end: at };
    lines.push(line);
  }
}

/** Lines of an ascii body; a last line without its end counts as half a line, so that it is never taken for a whole. */
function countLines(body: Uint8Array): number {
  let lines = body.length === 0 || body.at(-1) === NEWLINE ? 0 : 0.5;
  for (let at = body.indexOf(NEWLINE); at >= 0; at = body.indexOf(NEWLINE, at + 1)) lines++;
  return lines;
}

function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}..` : text);
}
