/**
 * Checkpoints: two alternating files, each written whole and with its own checksum, so that a kill at any byte leaves the
 * previous one.
 *
 * Layout: 8 bytes magic, 4 bytes header length (little endian), JSON header, zeros up to a multiple of 4, raw tensors, 32 bytes
 * SHA-256 of everything before.
 */

import { createHash } from "node:crypto";
import { canonicalJson, isPlainObject, type Json } from "./json.ts";

/** The arrays that a checkpoint may hold. */
export type Tensor = Float32Array | Uint32Array | Int32Array;

/** What a training stage saves in order to go on later. */
export interface Checkpoint {
  /** Steps done. */
  readonly step: number;
  /** Parameters, optimiser moments and whatever else is large. */
  readonly tensors: Readonly<Record<string, Tensor>>;
  /** Random number state, schedules and whatever else is small. */
  readonly state: Json;
}

/** A checkpoint with what the runner adds to it. */
export interface StoredCheckpoint extends Checkpoint {
  /** Raised with every save. */
  readonly sequence: number;
  /** Seconds of work up to here, over all attempts. */
  readonly elapsed: number;
  /** Byte lengths of the CSV files at this point. */
  readonly csv: Readonly<Record<string, number>>;
}

const magic = new TextEncoder().encode("STLRMCP1");
const types = { f32: Float32Array, u32: Uint32Array, i32: Int32Array } as const;

interface Header {
  readonly step: number;
  readonly state: Json;
  readonly sequence: number;
  readonly elapsed: number;
  readonly csv: Readonly<Record<string, number>>;
  readonly tensors: readonly { readonly name: string; readonly type: keyof typeof types; readonly length: number }[];
}

/** The parts of a checkpoint's file, in order, without its checksum. */
function parts(checkpoint: StoredCheckpoint): Uint8Array[] {
  const names = Object.keys(checkpoint.tensors).sort();
  const tensors = names.map((name) => checkpoint.tensors[name] as Tensor);
  const header = new TextEncoder().encode(canonicalJson({
    step: checkpoint.step,
    state: checkpoint.state,
    sequence: checkpoint.sequence,
    elapsed: checkpoint.elapsed,
    csv: checkpoint.csv,
    tensors: names.map((name, index) => ({ name, type: typeName(tensors[index]), length: tensors[index]?.length })),
  }));
  const lead = new Uint8Array(Math.ceil((12 + header.length) / 4) * 4);
  lead.set(magic);
  new DataView(lead.buffer).setUint32(8, header.length, true);
  lead.set(header, 12);
  return [lead, ...tensors.map((tensor) => new Uint8Array(tensor.buffer, tensor.byteOffset, tensor.byteLength))];
}

function typeName(tensor: Tensor | undefined): keyof typeof types {
  if (tensor instanceof Float32Array) return "f32";
  if (tensor instanceof Uint32Array) return "u32";
  if (tensor instanceof Int32Array) return "i32";
  throw new TypeError("A checkpoint holds Float32Array, Uint32Array and Int32Array only");
}

/** The bytes of a checkpoint's file. */
export function encodeCheckpoint(checkpoint: StoredCheckpoint): Uint8Array {
  const pieces = parts(checkpoint);
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 32));
  let offset = 0;
  for (const piece of pieces) {
    bytes.set(piece, offset);
    offset += piece.length;
  }
  bytes.set(createHash("sha256").update(bytes.subarray(0, offset)).digest(), offset);
  return bytes;
}

/** Reads a checkpoint's file; undefined when it is torn, damaged in any byte, or of another version of this program. */
export function decodeCheckpoint(bytes: Uint8Array): StoredCheckpoint | undefined {
  if (bytes.length < magic.length + 4 + 32 || magic.some((byte, index) => bytes[index] !== byte)) return undefined;
  const body = bytes.subarray(0, bytes.length - 32);
  const sum = createHash("sha256").update(body).digest();
  if (sum.some((byte, index) => bytes[body.length + index] !== byte)) return undefined;
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(8, true);
  const header = parseHeader(body.subarray(12, 12 + length));
  if (!isHeader(header)) return undefined;
  let offset = Math.ceil((12 + length) / 4) * 4;
  if (header.tensors.reduce((sum, tensor) => sum + tensor.length * 4, offset) !== body.length) return undefined;
  const tensors: Record<string, Tensor> = {};
  for (const { name, type, length } of header.tensors) {
    const copy = body.slice(offset, offset + length * 4); // a copy: its own, aligned buffer
    tensors[name] = new types[type](copy.buffer);
    offset += length * 4;
  }
  const { step, state, sequence, elapsed, csv } = header;
  return { step, state, sequence, elapsed, csv, tensors };
}

function parseHeader(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** The checksum says that the header is what was written, not that this version would have written it. */
function isHeader(header: unknown): header is Header {
  return isPlainObject(header) && Number.isInteger(header.step) && Number.isInteger(header.sequence) &&
    Number.isFinite(header.elapsed) && isPlainObject(header.csv) && Array.isArray(header.tensors) &&
    header.tensors.every((tensor: unknown) =>
      isPlainObject(tensor) && typeof tensor.name === "string" && tensor.name !== "__proto__" &&
      typeof tensor.type === "string" && Object.hasOwn(types, tensor.type) &&
      typeof tensor.length === "number" && Number.isSafeInteger(tensor.length) && tensor.length >= 0
    );
}

const slots = ["a.bin", "b.bin"] as const;

/** A slot as it is found. */
export interface FoundSlot {
  /** Its file, absolute. */
  readonly path: string;
  /** What is in it; undefined when it is damaged or of another version. */
  readonly checkpoint: StoredCheckpoint | undefined;
}

/** The checkpoints of one stage, in the folder `checkpoint/`. */
export class CheckpointStore {
  readonly #directory: string;

  /**
   * Makes it.
   *
   * @param directory the stage's folder
   */
  constructor(directory: string) {
    this.#directory = `${directory}/checkpoint`;
  }

  /** The newest whole checkpoint; a damaged newest one falls back to the one before. */
  async load(): Promise<StoredCheckpoint | undefined> {
    return (await this.list()).find(({ checkpoint }) => checkpoint !== undefined)?.checkpoint;
  }

  /** What there is: whole checkpoints, the newest first, then damaged ones. */
  async list(): Promise<FoundSlot[]> {
    const found = await Promise.all(slots.map((slot) => this.#read(slot)));
    return found.filter((slot) => slot !== undefined)
      .sort((a, b) => (b.checkpoint?.sequence ?? -1) - (a.checkpoint?.sequence ?? -1));
  }

  /** Saves over the older of the two: the newest one stays until this one is whole and durable. */
  async save(checkpoint: StoredCheckpoint): Promise<void> {
    await Deno.mkdir(this.#directory, { recursive: true });
    const path = `${this.#directory}/${slots[checkpoint.sequence % 2]}`;
    try {
      const file = await Deno.open(`${path}.tmp`, { write: true, create: true, truncate: true });
      try {
        const hash = createHash("sha256");
        for (const piece of parts(checkpoint)) {
          hash.update(piece);
          await writeAll(file, piece);
        }
        await writeAll(file, hash.digest());
        await file.syncData();
      } finally {
        file.close();
      }
      await Deno.rename(`${path}.tmp`, path);
    } catch (error) {
      await Deno.remove(`${path}.tmp`).catch(() => {}); // on a full disk its space is needed
      throw error;
    }
  }

  /** Removes both. */
  async remove(): Promise<void> {
    await Deno.remove(this.#directory, { recursive: true }).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
  }

  async #read(slot: string): Promise<FoundSlot | undefined> {
    const path = `${this.#directory}/${slot}`;
    try {
      return { path, checkpoint: decodeCheckpoint(await Deno.readFile(path)) };
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  }
}

async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  let rest = bytes;
  while (rest.length > 0) rest = rest.subarray(await file.write(rest));
}
