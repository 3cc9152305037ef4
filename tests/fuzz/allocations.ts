/** Counts what is allocated in buffers: wraps the constructors of this process. For children that fuzz, and for nothing else. */

/** No test of a reader needs as much: more is refused before the machine suffers. */
const MOST = 2 ** 31;

let total = 0;

function note(bytes: number): void {
  if (bytes > MOST) throw new RangeError(`Allocation of ${bytes} bytes`);
  total += bytes;
}

/** Bytes that were allocated since it was asked last. */
export function takeAllocated(): number {
  const found = total;
  total = 0;
  return found;
}

const views = [
  "Uint8Array",
  "Uint8ClampedArray",
  "Int8Array",
  "Uint16Array",
  "Int16Array",
  "Uint32Array",
  "Int32Array",
  "Float32Array",
  "Float64Array",
  "BigInt64Array",
  "BigUint64Array",
] as const;

/** Wraps `ArrayBuffer` and all typed arrays; memory that a view only looks at is not counted twice. */
export function countAllocations(): void {
  const wrap = (name: string, bytesPerElement: number) => {
    const constructors = globalThis as unknown as Record<string, new (...args: unknown[]) => { byteLength: number }>;
    constructors[name] = new Proxy(constructors[name]!, {
      construct(target, args: unknown[], newTarget) {
        const [first] = args;
        if (typeof first === "number") note(first * bytesPerElement);
        const made = Reflect.construct(target, args, newTarget) as { byteLength: number };
        const looksAt = first instanceof ArrayBuffer || first instanceof SharedArrayBuffer;
        if (typeof first !== "number" && !looksAt) note(made.byteLength);
        return made;
      },
    });
  };
  // Copies are made without a constructor that could be seen.
  for (
    const { prototype } of [Object.getPrototypeOf(Uint8Array), ArrayBuffer] as {
      prototype: typeof Uint8Array.prototype;
    }[]
  ) {
    const slice = prototype.slice;
    prototype.slice = function (...args) {
      const made = slice.apply(this, args);
      note(made.byteLength);
      return made;
    };
  }
  wrap("ArrayBuffer", 1);
  for (const name of views) wrap(name, globalThis[name].BYTES_PER_ELEMENT);
}
