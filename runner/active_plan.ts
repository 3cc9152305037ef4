/**
 * Where stage calls go while a pipeline runs. Kept apart from the builder and tiny, because every stage's module graph, and so
 * every stage's key, holds it.
 */

import type { Ref } from "./ref.ts";
import type { StageDefinition } from "./stage.ts";

/** What takes in stage calls. */
export interface ActivePlan {
  /** Adds a node. */
  add(stage: StageDefinition, name: string, args: Readonly<Record<string, unknown>>): Ref<unknown>;
}

let active: ActivePlan | undefined;

/** The plan that is being built; undefined outside a pipeline. */
export function activePlan(): ActivePlan | undefined {
  return active;
}

/** Sets it; only the builder does. */
export function setActivePlan(plan: ActivePlan | undefined): void {
  active = plan;
}
