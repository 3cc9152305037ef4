/**
 * Hugging Face's safetensors: an 8-byte little-endian header length, a JSON header, and the tensors' bytes without
 * gaps (github.com/huggingface/safetensors, README "Format"). F32, I32, U32 and U8 are read and written.
 * @module
 */
import { z } from "zod";
import { messageOf, readBytes, SceneError } from "./errors.ts";

/** The element types read and written here. */
export type TensorData =
  | Float32Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>
  | Uint8Array<ArrayBuffer>;

/** A named array in C order. */
export interface Tensor {
  /** Lengths of the dimensions, slowest first; empty for a scalar. */
  readonly shape: readonly number[];
  /** As many elements as the product of the shape. */
  readonly data: TensorData;
}

/** The content of a safetensors file. */
export interface Tensors {
  /** By name, in the order of the file. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** The free text entries of `__metadata__`. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** The official reader's limit on the header. */
const MAX_HEADER = 100_000_000;
const METADATA = "__metadata__";
const MEND = "write it again or fetch it again";
const TYPES = {
  F32: { bytes: 4, make: (b: ArrayBuffer) => new Float32Array(b) },
  I32: { bytes: 4, make: (b: ArrayBuffer) => new Int32Array(b) },
  U32: { bytes: 4, make: (b: ArrayBuffer) => new Uint32Array(b) },
  U8: { bytes: 1, make: (b: ArrayBuffer) => new Uint8Array(b) },
} as const;

const length = z.int().nonnegative();
const entrySchema = z.strictObject({
  dtype: z.string(),
  shape: z.array(length).max(8),
  data_offsets: z.tuple([length, length]),
});
const metadataSchema = z.record(z.string(), z.string());

/**
 * Encodes tensors. The same content gives the same bytes whatever the order of insertion: four-byte types come first
 * (so that every tensor is aligned), then names in code-unit order.
 *
 * @throws RangeError when a shape and its data disagree or a name is reserved
 */
export function encodeSafetensors(
  tensors: Readonly<Record<string, Tensor>> | ReadonlyMap<string, Tensor>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const entries = [...(tensors instanceof Map ? tensors : Object.entries(tensors)) as Iterable<[string, Tensor]>];
  entries.sort(([a, x], [b, y]) => y.data.BYTES_PER_ELEMENT - x.data.BYTES_PER_ELEMENT || (a < b ? -1 : 1));
  const parts: string[] = [];
  const texts = Object.entries(metadata).sort(([a], [b]) => a < b ? -1 : 1);
  if (texts.length > 0) parts.push(`"${METADATA}":${JSON.stringify(Object.fromEntries(texts))}`);
  let end = 0;
  for (const [name, { shape, data }] of entries) {
    if (name === METADATA) throw new RangeError(`Expected a tensor name other than ${METADATA}`);
    const count = shape.reduce((product, n) => product * n, 1);
    if (shape.some((n) => !Number.isSafeInteger(n) || n < 0) || count !== data.length) {
      throw new RangeError(
        `Expected as many elements in ${name} as its shape (${shape.join(", ")}) says, found ${data.length}`,
      );
    }
    const offsets = [end, end += data.byteLength];
    parts.push(`${JSON.stringify(name)}:${JSON.stringify({ dtype: typeOf(data), shape, data_offsets: offsets })}`);
  }
  const json = new TextEncoder().encode(`{${parts.join(",")}}`);
  const header = Math.ceil(json.length / 8) * 8;
  const out = new Uint8Array(8 + header + end);
  new DataView(out.buffer).setBigUint64(0, BigInt(header), true);
  out.fill(0x20, 8, 8 + header);
  out.set(json, 8);
  let at = 8 + header;
  for (const [, { data }] of entries) {
    out.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return out;
}

/**
 * Decodes a safetensors file. Each tensor owns its memory. Offsets must lie inside the file, agree with shape and type,
 * and cover the data without gap or overlap; nothing is allocated before that is checked.
 *
 * @param file its name, for messages
 * @throws SceneError when the file is torn or its header does not describe it
 */
export function decodeSafetensors(bytes: Uint8Array, file: string): Tensors {
  const fail = (problem: string, mend = MEND) => new SceneError(file, problem, mend);
  if (bytes.length < 8) throw fail(`Torn safetensors file: it ends after ${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerLength = Number(view.getBigUint64(0, true));
  if (headerLength > MAX_HEADER || headerLength < 2) {
    throw fail(`Not a safetensors file: expected a header of 2 to ${MAX_HEADER} bytes, found ${headerLength}`);
  }
  const start = 8 + headerLength;
  if (start > bytes.length) throw fail("Torn safetensors file: it ends inside its header");
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(8, start)));
  } catch (error) {
    throw fail(`Damaged safetensors header (${messageOf(error)})`);
  }
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw fail("Damaged safetensors header: expected a JSON object");
  }
  let metadata: Record<string, string> = {};
  const entries: { name: string; type: keyof typeof TYPES; shape: number[]; from: number; to: number }[] = [];
  for (const [name, value] of Object.entries(json)) {
    if (name === METADATA) {
      const parsed = metadataSchema.safeParse(value);
      if (!parsed.success) throw fail(`Damaged safetensors header: expected text values in ${METADATA}`);
      metadata = parsed.data;
      continue;
    }
    const parsed = entrySchema.safeParse(value);
    if (!parsed.success) {
      const issue = parsed.error.issues[0]!;
      throw fail(`Damaged safetensors header: ${[name, ...issue.path].join(".")}: ${issue.message}`);
    }
    const { dtype, shape, data_offsets: [from, to] } = parsed.data;
    if (!Object.hasOwn(TYPES, dtype)) {
      throw fail(`Expected F32, I32, U32 or U8 in ${name}, found ${dtype}`, "convert the tensor to F32");
    }
    entries.push({ name, type: dtype as keyof typeof TYPES, shape, from, to });
  }
  entries.sort((a, b) => a.from - b.from || a.to - b.to);
  let end = 0;
  for (const { name, type, shape, from, to } of entries) {
    const wanted = shape.reduce((product, n) => product * n, TYPES[type].bytes);
    if (to - from !== wanted) {
      throw fail(`Expected ${wanted} bytes for ${name} (${type}, shape ${shape.join(" x ")}), found ${to - from}`);
    }
    if (from !== end) {
      throw fail(
        `Expected ${name} to start at byte ${end} of the data, found ${from} (${from < end ? "overlap" : "gap"})`,
      );
    }
    end = to;
  }
  if (end !== bytes.length - start) {
    const state = end > bytes.length - start ? "Torn" : "Overlong";
    throw fail(`${state} safetensors file: expected ${end} bytes of data, found ${bytes.length - start}`);
  }
  const tensors = new Map<string, Tensor>();
  for (const { name, type, shape, from, to } of entries) {
    const copy = new Uint8Array(to - from);
    copy.set(bytes.subarray(start + from, start + to));
    tensors.set(name, { shape, data: TYPES[type].make(copy.buffer) });
  }
  return { tensors, metadata };
}

/** Reads a file with {@linkcode decodeSafetensors}. */
export async function readSafetensors(file: string): Promise<Tensors> {
  return decodeSafetensors(await readBytes(file), file);
}

function typeOf(data: TensorData): keyof typeof TYPES {
  if (data instanceof Float32Array) return "F32";
  if (data instanceof Int32Array) return "I32";
  return data instanceof Uint32Array ? "U32" : "U8";
}
