/**
 * Claims: who works in a cache folder. The first claim is the file `claim`; one that takes over from a dead one is `claim.2`,
 * then `claim.3` and so on; the highest number holds. A number is only ever created, never replaced, so that two
 * processes cannot both take over, on a network file system either.
 *
 * The holder keeps a lock on the file, which vanishes with the process, and renews the file's time as a heartbeat for
 * other hosts and file systems without locks.
 */

import { randomUUID } from "node:crypto";
import { checkName } from "./names.ts";

/** Who holds a claim. */
export interface ClaimHolder {
  /** Name of the machine. */
  readonly host: string;
  /** The process there. */
  readonly pid: number;
  /** When the claim was made, ISO 8601. */
  readonly start: string;
  /** The run that it works for. */
  readonly run: string;
}

/** Timing of claims, in milliseconds. */
export interface ClaimTiming {
  /** Between two renewals. */
  readonly heartbeat: number;
  /** A heartbeat older than this is dead. */
  readonly dead: number;
  /** Between two looks at a claim that is waited for. */
  readonly poll: number;
}

const usual: ClaimTiming = { heartbeat: 5000, dead: 60_000, poll: 500 };

/** A claim that this process holds. */
export class Claim {
  readonly #path: string;
  readonly #number: number;
  readonly #directory: string;
  #file: Deno.FsFile | undefined;
  #timer: ReturnType<typeof setInterval>;
  #renewed = performance.now();
  readonly #heartbeat: number;
  readonly #onLost: () => void;
  #lost = false;

  /** Use {@link acquire}. */
  constructor(directory: string, number: number, file: Deno.FsFile, timing: ClaimTiming, onLost: () => void) {
    this.#directory = directory;
    this.#number = number;
    this.#path = claimPath(directory, number);
    this.#file = file;
    this.#heartbeat = timing.heartbeat;
    this.#onLost = onLost;
    this.#timer = setInterval(() => this.renew(), timing.heartbeat);
    Deno.unrefTimer(this.#timer);
  }

  /** Its number: 1 for the first, higher for one that took over. */
  get number(): number {
    return this.#number;
  }

  /** True when another process took over because this one seemed dead: nothing more may be written. */
  get lost(): boolean {
    return this.#lost;
  }

  /** Renews the heartbeat when it is due; a timer does it, long synchronous work may do it too. */
  renew(): void {
    const passed = performance.now(); // a clock that is set back must not stop the heartbeat
    if (!this.#file || passed - this.#renewed < this.#heartbeat / 2) return;
    this.#renewed = passed;
    try {
      const now = Date.now() / 1000;
      Deno.utimeSync(this.#path, now, now);
    } catch { /* a full or vanished disk shows elsewhere */ }
    this.check();
  }

  /** Looks whether the claim still holds; false and `onLost` when not. */
  check(): boolean {
    if (!this.#lost && !stillHolds(this.#directory, this.#number)) {
      this.#lost = true;
      this.#onLost();
    }
    return !this.#lost;
  }

  /**
   * Gives the claim back.
   *
   * @param done true when the result is there: then the claim files go; otherwise this one stays, marked as given back
   */
  async release(done: boolean): Promise<void> {
    if (!this.#file) return;
    clearInterval(this.#timer);
    try {
      if (this.#lost) return;
      if (done) {
        for (const number of listClaims(this.#directory).filter((n) => n <= this.#number).sort((a, b) => a - b)) {
          await Deno.remove(claimPath(this.#directory, number)).catch(() => {});
        }
        await removeUnborn(this.#directory);
      } else await Deno.utime(this.#path, 0, 0).catch(() => {});
    } finally {
      this.#file.close();
      this.#file = undefined;
    }
  }
}

/** What {@link acquire} may be told. */
export interface AcquireOptions {
  /** The run that wants it. */
  readonly run: string;
  /** True when the work is done already, so that no claim is needed. Asked before every try. */
  finished(): Promise<boolean>;
  /** Called once when somebody else is at work. */
  onWait?(holder: ClaimHolder | undefined): void;
  /** Called when another process took over. */
  onLost?(): void;
  /** Looked at while waiting; throw to give up. */
  whileWaiting?(): void;
  /** Other times than the usual ones. */
  readonly timing?: ClaimTiming;
}

/**
 * Claims a folder, which is created when missing. A live claim of another is waited for, a dead one taken over.
 *
 * @returns the claim, or undefined when the work was finished meanwhile
 */
export async function acquire(directory: string, options: AcquireOptions): Promise<Claim | undefined> {
  const timing = options.timing ?? usual;
  checkName(options.run.replaceAll("/", "-").slice(0, 64) || "run", "run");
  await Deno.mkdir(directory, { recursive: true });
  let told = false;
  const pulse = new Pulse();
  while (true) {
    if (await options.finished()) return undefined;
    const number = highest(listClaims(directory));
    if (number === 0 || await isDead(claimPath(directory, number), timing, pulse)) {
      const file = await create(directory, number + 1, options.run);
      if (file) {
        const claim = new Claim(directory, number + 1, file, timing, options.onLost ?? (() => {}));
        let done = false;
        try {
          done = await options.finished();
          if (!done && claim.check()) return claim;
        } catch (error) {
          await claim.release(false);
          throw error;
        }
        await claim.release(done);
      }
      continue;
    }
    if (!told) options.onWait?.(await readHolder(directory));
    told = true;
    options.whileWaiting?.();
    await new Promise((resolve) => setTimeout(resolve, timing.poll));
  }
}

/** Who works in a folder now; undefined when nobody does or the last one is dead. */
export async function liveHolder(directory: string, timing: ClaimTiming = usual): Promise<ClaimHolder | undefined> {
  const number = highest(listClaims(directory));
  if (number === 0 || await isDead(claimPath(directory, number), timing)) return undefined;
  return await readHolder(directory);
}

/** True when no later claim than this number has been made. */
export function stillHolds(directory: string, number: number): boolean {
  return highest(listClaims(directory)) <= number;
}

/** True for the names of claim files. */
export function isClaimFile(name: string): boolean {
  return /^claim(\.\d+)?(\.[0-9a-f-]+\.new)?$/.test(name);
}

async function readHolder(directory: string): Promise<ClaimHolder | undefined> {
  try {
    return JSON.parse(await Deno.readTextFile(claimPath(directory, highest(listClaims(directory))))) as ClaimHolder;
  } catch {
    return undefined;
  }
}

function claimPath(directory: string, number: number): string {
  return number <= 1 ? `${directory}/claim` : `${directory}/claim.${number}`;
}

function listClaims(directory: string): number[] {
  return namesIn(directory).flatMap((name) => {
    const match = /^claim(?:\.(\d+))?$/.exec(name);
    return match ? [match[1] === undefined ? 1 : Number(match[1])] : [];
  });
}

/** Names in a folder; a missing one has none. */
function namesIn(directory: string): string[] {
  try {
    return [...Deno.readDirSync(directory)].map(({ name }) => name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return [];
  }
}

function highest(numbers: readonly number[]): number {
  return Math.max(0, ...numbers);
}

/**
 * Creates a claim that is locked and complete the moment it can be seen; undefined when another was faster. What fails on the way,
 * on a full disk for example, leaves nothing.
 */
async function create(directory: string, number: number, run: string): Promise<Deno.FsFile | undefined> {
  const holder: ClaimHolder = { host: Deno.hostname(), pid: Deno.pid, start: new Date().toISOString(), run };
  const path = claimPath(directory, number);
  const temporary = `${directory}/claim.${randomUUID()}.new`;
  const file = await createLocked(temporary, holder);
  try {
    await Deno.link(temporary, path);
    return file;
  } catch (error) {
    file.close();
    if (error instanceof Deno.errors.AlreadyExists) return undefined;
    return await createWithoutLink(path, holder);
  } finally {
    await Deno.remove(temporary).catch(() => {});
  }
}

async function createWithoutLink(path: string, holder: ClaimHolder): Promise<Deno.FsFile | undefined> {
  try {
    return await createLocked(path, holder);
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return undefined;
    throw error;
  }
}

/** Creates a file with a holder in it and locks it; removes it again when that fails. */
async function createLocked(path: string, holder: ClaimHolder): Promise<Deno.FsFile> {
  const file = await Deno.open(path, { read: true, write: true, createNew: true });
  try {
    await file.lock(true).catch(() => {}); // a file system without locks: the heartbeat alone must do
    let bytes = new TextEncoder().encode(JSON.stringify(holder) + "\n");
    while (bytes.length > 0) bytes = bytes.subarray(await file.write(bytes));
    return file;
  } catch (error) {
    file.close();
    await Deno.remove(path).catch(() => {});
    throw error;
  }
}

/** Removes claims that were never born: their process died between making them and giving them their number. */
async function removeUnborn(directory: string): Promise<void> {
  for (const name of namesIn(directory)) {
    const path = `${directory}/${name}`;
    if (name.endsWith(".new") && isClaimFile(name) && await isFree(path).catch(() => false)) {
      await Deno.remove(path).catch(() => {});
    }
  }
}

/** How long a heartbeat has been seen to stand still, by a clock that nobody can set. */
class Pulse {
  #path = "";
  #beat = NaN;
  #since = 0;

  /** Milliseconds for which the time of a file has been the same. */
  stillFor(path: string, beat: number): number {
    const now = performance.now();
    if (path !== this.#path || beat !== this.#beat) {
      this.#path = path;
      this.#beat = beat;
      this.#since = now;
    }
    return now - this.#since;
  }
}

/** True when nobody locks a file. */
async function isFree(path: string): Promise<boolean> {
  using file = await Deno.open(path); // for reading only: whoever may look at a cache may ask
  return await file.tryLock(false);
}

/**
 * A claim is dead when its heartbeat is too old or stands still for too long, or when nobody on this host locks it. A held lock on
 * this host proves life even when the heartbeat is old: a holder that is busy or stopped must not be doubled. Watching for as
 * long as a heartbeat may take finds the dead one too whose last heartbeat lies in the future, because a clock was set back.
 */
async function isDead(path: string, timing: ClaimTiming, pulse?: Pulse): Promise<boolean> {
  let stale: boolean;
  let holder: Partial<ClaimHolder>;
  try {
    const beat = (await Deno.stat(path)).mtime?.getTime() ?? 0;
    stale = Date.now() - beat > timing.dead || (pulse?.stillFor(path, beat) ?? 0) > timing.dead;
    holder = parseHolder(await Deno.readTextFile(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false; // finished meanwhile: look again
    throw error;
  }
  try {
    const free = await isFree(path);
    return holder.host === Deno.hostname() ? free : free && stale;
  } catch {
    return stale; // no locks here
  }
}

/** A holder from its file; an empty one when the file is torn. */
function parseHolder(text: string): Partial<ClaimHolder> {
  try {
    return JSON.parse(text) as ClaimHolder;
  } catch {
    return {};
  }
}
