/**
 * Faults on order: every call of this thread that changes a disk is counted, and the n-th one kills the process, breaks off
 * in the middle, or fails as a full, read-only or broken disk makes it fail. The clock can be set back too. The code that is
 * tested knows nothing of it: `Deno` itself is wrapped.
 */

/** What kinds of calls there are: those that change a disk, and those that only look. */
export type CallKind = "change" | "read";

/** Where a call is cut short by a kill; `middle` is after half the bytes of a write, or one entry of a removed folder. */
export type Moment = "before" | "middle" | "after";

/** How a disk fails. A full one refuses what takes space, a read-only one every change, a broken one everything. */
export type DiskFault = "ENOSPC" | "EROFS" | "EACCES" | "EIO";

/** What shall go wrong. Calls are numbered from 1. */
export interface Order {
  /** SIGKILL for the whole process at a call. */
  readonly kill?: { readonly at: number; readonly when: Moment };
  /** Calls that fail, from one to another (for ever when `to` is left out); a write to a full disk takes half its bytes first. */
  readonly fail?: { readonly from: number; readonly to?: number; readonly code: DiskFault };
  /** Milliseconds that are added to the clock from a call on; from the start when `from` is 0. */
  readonly clock?: { readonly from: number; readonly shift: number };
  /** What is counted; changes only when left out. */
  readonly kinds?: readonly CallKind[];
  /** Calls that name a path elsewhere are neither counted nor harmed. */
  readonly within?: string;
  /** A file that gets one JSON line per counted call, see {@link Call}. */
  readonly log?: string;
}

/** A counted call. */
export interface Call {
  /** Its number, from 1. */
  readonly n: number;
  /** Name of the function. */
  readonly name: string;
  /** The path that it was given, or that its file was opened with. */
  readonly path: string;
  /** True when it can be cut in the middle. */
  readonly middle: boolean;
}

/** Faults that are in force. */
export interface Faults {
  /** The calls so far. */
  readonly calls: readonly Call[];
  /** Puts everything back. */
  [Symbol.dispose](): void;
}

type Callable = (this: unknown, ...args: unknown[]) => unknown;
type Holder = Record<string, unknown>;

/** Functions of `Deno` that take a path first; their `...Sync` twins are wrapped too. `open` is a change when it may write. */
const changes = [
  "chmod",
  "copyFile",
  "link",
  "makeTempDir",
  "makeTempFile",
  "mkdir",
  "remove",
  "rename",
  "symlink",
  "truncate",
  "utime",
  "writeFile",
  "writeTextFile",
];
const reads = ["lstat", "readDir", "readFile", "readTextFile", "stat"];
const fileChanges = ["write", "sync", "syncData", "truncate", "utime"];
const fileReads = ["read"];

/** What needs new space on a disk. */
const growing = /^(?:copyFile|link|makeTemp\w+|mkdir|open|symlink|write\w*)(?:Sync)?$/;
/** What can be cut in the middle. */
const divisible = /^(?:copyFile|remove|write|writeFile|writeTextFile)(?:Sync)?$/;

const words: Record<DiskFault, string> = {
  ENOSPC: "No space left on device (os error 28)",
  EROFS: "Read-only file system (os error 30)",
  EACCES: "Permission denied (os error 13)",
  EIO: "Input/output error (os error 5)",
};

/** The error that Deno throws, to the letter (seen on a full tmpfs, a read-only one, a folder of root, and /proc/self/mem). */
export function diskError(code: DiskFault, name?: string, path?: string): Error {
  const text = words[code] + (name === undefined ? "" : `: ${name.replace(/Sync$/, "").toLowerCase()} '${path}'`);
  const error = code === "EACCES" ? new Deno.errors.PermissionDenied(text) : new Error(text);
  return Object.assign(error, { code });
}

/**
 * Puts faults in force in this thread, until they are disposed of.
 *
 * @param order what shall go wrong
 */
export function orderFaults(order: Order): Faults {
  const calls: Call[] = [];
  const undo: (() => void)[] = [];
  const paths = new WeakMap<object, string>();
  const kinds = order.kinds ?? ["change"];
  const log = order.log === undefined ? undefined : Deno.openSync(order.log, { append: true, create: true });
  const { writeSync } = Deno.FsFile.prototype;
  const plain = unharmed();
  const clock = order.clock && shiftedClock(() => calls.length >= (order.clock?.from ?? 0) ? order.clock!.shift : 0);
  if (clock) undo.push(clock);

  /** Counts a call and lets it happen, or not. `half` does half of it. */
  const meet = (name: string, path: string, half: (() => unknown) | undefined, whole: () => unknown, bare: boolean) => {
    if (order.within !== undefined && !path.startsWith(order.within)) return whole();
    const n = calls.length + 1;
    const call: Call = { n, name, path, middle: half !== undefined };
    calls.push(call);
    if (log) writeSync.call(log, new TextEncoder().encode(JSON.stringify(call) + "\n"));
    const { kill, fail } = order;
    if (kill?.at === n) {
      const die = () => Deno.kill(Deno.pid, "SIGKILL");
      if (kill.when === "before") die();
      let done: unknown;
      try {
        done = kill.when === "middle" ? half?.() : whole();
      } catch { /* it failed, and is over */ }
      if (done instanceof Promise) return done.then(die, die);
      die();
    }
    if (fail && n >= fail.from && n <= (fail.to ?? Infinity) && (fail.code !== "ENOSPC" || growing.test(name))) {
      // A full disk first takes what fits: a short write. The rest of it fails at the next call.
      if (fail.code === "ENOSPC" && half && bare && n === fail.from) return half();
      throw bare ? diskError(fail.code) : diskError(fail.code, name, path);
    }
    return whole();
  };

  const wrap = (holder: Holder, base: string, bare: boolean) => {
    for (const name of [base, `${base}Sync`]) {
      const real = holder[name] as Callable | undefined;
      if (!real) continue;
      // Not an async function: an iterator such as readDir's must come back as it is.
      const asynchronous = name === base && base !== "readDir";
      holder[name] = function (this: unknown, ...args: unknown[]) {
        const named = base === "copyFile" ? args[1] : args[0]; // the one that changes
        const path = bare ? paths.get(this as object) ?? "" : named instanceof URL ? named.pathname : String(named);
        const half = divisible.test(name) ? halfOf(plain, name, args, (less) => real.apply(this, less)) : undefined;
        try {
          return meet(name, path, half, () => real.apply(this, args), bare);
        } catch (error) {
          if (asynchronous) return Promise.reject(error);
          throw error;
        }
      };
      undo.push(() => holder[name] = real);
    }
  };
  const deno = Deno as unknown as Holder;
  const file = Deno.FsFile.prototype as unknown as Holder;
  if (kinds.includes("change")) {
    for (const name of changes) wrap(deno, name, false);
    for (const name of fileChanges) wrap(file, name, true);
  }
  if (kinds.includes("read")) {
    for (const name of reads) wrap(deno, name, false);
    for (const name of fileReads) wrap(file, name, true);
  }
  for (const name of ["open", "openSync"]) {
    const real = deno[name] as Callable;
    deno[name] = function (this: unknown, ...args: unknown[]) {
      const [path, options] = args as [string | URL, Deno.OpenOptions | undefined];
      const where = path instanceof URL ? path.pathname : path;
      const remember = (opened: unknown) => {
        paths.set(opened as object, where);
        return opened;
      };
      const open = () => {
        const opened = real.apply(this, args);
        return opened instanceof Promise ? opened.then(remember) : remember(opened);
      };
      const kind = options?.create || options?.createNew || options?.truncate ? "change" : "read";
      if (!kinds.includes(kind)) return open();
      try {
        return meet(name, where, undefined, open, false);
      } catch (error) {
        if (name === "open") return Promise.reject(error);
        throw error;
      }
    };
    undo.push(() => deno[name] = real);
  }
  return {
    calls,
    [Symbol.dispose]() {
      for (const step of undo.reverse()) step();
      log?.close();
    },
  };
}

/** What half-done work is done with: the functions as they are before anything is wrapped. */
function unharmed() {
  const { readDirSync, readFileSync, removeSync, writeFileSync } = Deno;
  return { readDirSync, readFileSync, removeSync, writeFileSync };
}

/** Half of a write, of a copy, or of the removal of a folder. */
function halfOf(
  plain: ReturnType<typeof unharmed>,
  name: string,
  args: unknown[],
  again: (args: unknown[]) => unknown,
): (() => unknown) | undefined {
  const [first, second, ...rest] = args;
  const half = (data: Uint8Array) => data.subarray(0, Math.ceil(data.length / 2));
  if (/^write(Sync)?$/.test(name)) {
    const data = first as Uint8Array;
    return data.length < 2 ? undefined : () => again([half(data)]);
  }
  if (name.startsWith("write")) {
    const cut = typeof second === "string" ? second.slice(0, second.length / 2) : half(second as Uint8Array);
    return () => again([first, cut, ...rest]);
  }
  if (name.startsWith("copyFile")) {
    return () => plain.writeFileSync(second as string, half(plain.readFileSync(first as string)));
  }
  if (!(second as Deno.RemoveOptions | undefined)?.recursive) return undefined;
  return () => {
    const [child] = orNone(() => [...plain.readDirSync(first as string)]);
    if (child) plain.removeSync(`${first}/${child.name}`, { recursive: true });
  };
}

function orNone<T>(list: () => T[]): T[] {
  try {
    return list();
  } catch {
    return [];
  }
}

/** Shifts `Date`; returns what puts it back. */
function shiftedClock(shift: () => number): () => void {
  const Real = Date;
  const now = () => Real.now() + shift();
  globalThis.Date = new Proxy(Real, {
    construct: (target, args, self) => Reflect.construct(target, args.length === 0 ? [now()] : args, self),
    get: (target, key) => key === "now" ? now : Reflect.get(target, key),
  });
  return () => globalThis.Date = Real;
}
