/** Asks the rules about one stage: every few seconds while it works, and when it has ended. */

import { diagnose, type Finding, gatherEvidence, type GroupRule, type Rule } from "./diagnosis.ts";

/** What {@link Watch} needs. */
export interface WatchOptions {
  /** The rules of the stage. */
  readonly rules: readonly (Rule | GroupRule)[];
  /** Name of the node. */
  readonly node: string;
  /** Name of the stage. */
  readonly stage: string;
  /** Its cache folder. */
  readonly directory: string;
  /** Its seed, when it depends on one. */
  readonly seed?: number | undefined;
  /** Least milliseconds between two looks. */
  readonly everyMs: number;
  /** Milliseconds, rising. */
  now(): number;
  /** Hears each finding once. */
  hear(finding: Finding): void;
}

/** The rules that watch one stage at work. */
export class Watch {
  readonly #options: WatchOptions;
  readonly #live: readonly Rule[];
  readonly #said = new Set<string>();
  #next = 0;
  #look: Promise<void> | undefined;

  /**
   * Makes it.
   *
   * @param options whom it watches, and who hears of it
   */
  constructor(options: WatchOptions) {
    this.#options = options;
    this.#live = options.rules.filter((rule) => "check" in rule).filter((rule) => rule.live === true);
  }

  /** Asks the live rules, unless they were asked a moment ago. Returns at once: call it at every progress. */
  look(): void {
    const now = this.#options.now();
    if (this.#live.length === 0 || this.#look || now < this.#next) return;
    this.#next = now + this.#options.everyMs;
    // The stage is writing while it is read: what cannot be read now can be at the next look.
    this.#look = this.#ask(this.#live, {}).then((found) => this.#tell(found), () => {}).finally(() => {
      this.#look = undefined;
    });
  }

  /**
   * Asks all rules about what the stage left, those that compare results left out.
   *
   * @param metrics what it reported; nothing when it did not finish
   * @returns the findings, worst first; those that were not said before are heard as well
   */
  async end(metrics: Readonly<Record<string, number>>): Promise<Finding[]> {
    await this.#look;
    const found = await this.#ask(this.#options.rules, metrics);
    this.#tell(found);
    return found;
  }

  async #ask(
    rules: readonly (Rule | GroupRule)[],
    metrics: Readonly<Record<string, number>>,
  ): Promise<Finding[]> {
    const { node, stage, directory, seed } = this.#options;
    if (rules.length === 0) return [];
    const found = diagnose(rules, await gatherEvidence(node, stage, metrics, directory));
    return seed === undefined ? found : found.map((finding) => ({ ...finding, seed }));
  }

  #tell(found: readonly Finding[]): void {
    for (const finding of found) {
      if (this.#said.has(finding.rule)) continue;
      this.#said.add(finding.rule);
      this.#options.hear(finding);
    }
  }
}
