/** Gates: thresholds that metrics must meet, typed by what the node reports. */

import type { Ref } from "./ref.ts";

/** How a gate came out. `stale` is never found by a run: reports say it when code or data have moved since. */
export type GateState = "pass" | "fail" | "flaky" | "stale" | "unmeasured";

/** A threshold on one metric. Immutable: every method returns a new gate. */
export class Gate {
  /** Shown in tables and reports; `<node>.<column>` unless named. */
  readonly name: string;
  /** The node that reports the metric. */
  readonly node: string;
  /** The metric's column. */
  readonly column: string;
  /** Which side of the threshold is good. */
  readonly operator: ">=" | "<=";
  /** The threshold, in the metric's unit. */
  readonly threshold: number;
  /** Only runs of this scene are judged; undefined for all. */
  readonly scene: string | undefined;
  /** Nodes after this one are not run when the gate fails. */
  readonly isBlocking: boolean;
  /** Values this near to the threshold do not count as disagreement of seeds. */
  readonly noise: number;

  /** Use {@link gate} instead. */
  constructor(fields: GateFields) {
    this.node = fields.node;
    this.column = fields.column;
    this.operator = fields.operator;
    this.threshold = fields.threshold;
    this.name = fields.name ?? `${fields.node}.${fields.column}`;
    this.scene = fields.scene;
    this.isBlocking = fields.isBlocking ?? false;
    this.noise = fields.noise ?? 0;
  }

  /** Gives it a name of its own. */
  named(name: string): Gate {
    return new Gate({ ...this, name });
  }

  /** Judges only runs of one scene. */
  forScene(scene: string): Gate {
    return new Gate({ ...this, scene });
  }

  /** Stops the nodes after it when it fails. */
  blocking(): Gate {
    return new Gate({ ...this, isBlocking: true });
  }

  /** Half width of the band around the threshold inside which seeds may disagree without being called flaky. */
  within(noise: number): Gate {
    return new Gate({ ...this, noise });
  }
}

/** What a gate is made of. */
export interface GateFields {
  /** Its name. */
  readonly name?: string | undefined;
  /** Name of the node. */
  readonly node: string;
  /** The metric's column. */
  readonly column: string;
  /** Which side of the threshold is good. */
  readonly operator: ">=" | "<=";
  /** The threshold, in the metric's unit. */
  readonly threshold: number;
  /** Name of the scene, where there is one. */
  readonly scene?: string | undefined;
  /** Nodes after it are not run when it fails. */
  readonly isBlocking?: boolean;
  /** Half width of the band in which seeds may disagree. */
  readonly noise?: number;
}

/** A gate that lacks its threshold. */
export interface GateStart {
  /** The metric must be at least this. */
  atLeast(threshold: number): Gate;
  /** The metric must be at most this. */
  atMost(threshold: number): Gate;
}

/**
 * Starts a gate on a metric of a node.
 *
 * @param ref the node
 * @param column the metric; only what the stage's `run` returns compiles
 */
export function gate<M extends string>(ref: Ref<unknown, M>, column: NoInfer<M>): GateStart {
  const fields = { node: ref.node, column: column as string };
  return {
    atLeast: (threshold) => new Gate({ ...fields, operator: ">=", threshold }),
    atMost: (threshold) => new Gate({ ...fields, operator: "<=", threshold }),
  };
}

/** A gate with what was measured. */
export interface GateResult {
  /** Name of the gate. */
  readonly gate: string;
  /** Name of the node. */
  readonly node: string;
  /** The metric's column. */
  readonly column: string;
  /** Which side of the threshold is good. */
  readonly operator: ">=" | "<=";
  /** The threshold, in the metric's unit. */
  readonly threshold: number;
  /** Name of the scene, where there is one. */
  readonly scene?: string;
  /** Mean over the seeds; absent when unmeasured. */
  readonly value?: number;
  /** Sample standard deviation over the seeds. */
  readonly spread?: number;
  /** How it came out. */
  readonly state: GateState;
  /** Nodes after it are not run when it fails. */
  readonly blocking: boolean;
}

/**
 * Judges a gate by the values of all seeds: pass or fail when they agree. Seeds that disagree beyond the gate's noise band
 * make it flaky; a disagreement within the band is settled by the mean.
 *
 * @param values the metric, one per seed; empty when it was not measured
 */
export function judge(gate: Gate, values: readonly number[]): GateResult {
  const base = {
    gate: gate.name,
    node: gate.node,
    column: gate.column,
    operator: gate.operator,
    threshold: gate.threshold,
    ...(gate.scene === undefined ? {} : { scene: gate.scene }),
    blocking: gate.isBlocking,
  };
  if (values.length === 0) return { ...base, state: "unmeasured" };
  const { mean, spread } = summarise(values);
  // Distance to the good side; NaN meets no threshold.
  const margin = (value: number) => (gate.operator === ">=" ? value - gate.threshold : gate.threshold - value);
  const meets = (value: number) => value === gate.threshold || margin(value) >= 0;
  const clearlyGood = values.some((value) => meets(value) && margin(value) >= gate.noise);
  const clearlyBad = values.some((value) => !meets(value) && !(margin(value) > -gate.noise));
  const agree = values.every(meets) || !values.some(meets);
  const state = !agree && clearlyGood && clearlyBad ? "flaky" : meets(mean) ? "pass" : "fail";
  return { ...base, value: mean, spread, state };
}

/** Mean and sample standard deviation (0 for a single value). Equal values, infinite ones too, have spread 0. */
export function summarise(values: readonly number[]): { mean: number; spread: number } {
  if (values.every((value) => Object.is(value, values[0]))) return { mean: values[0] ?? NaN, spread: 0 };
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, spread: Math.sqrt(squares / (values.length - 1)) };
}
