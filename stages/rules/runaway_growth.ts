/**
 * Runaway growth: density control that asks for ever more splats.
 *
 * @module
 */
import type { Rule } from "../../runner/diagnosis.ts";
import { cells } from "./_looks.ts";

/** A change of number that denies more than this share of the cap wants far more than it gets. */
const FAR_MORE = 0.5;
/** Changes that are waited for. */
const FEWEST_CHANGES = 8;

/** Fires when most changes of number wanted far more splats than the cap allows. */
export const runawayGrowth: Rule = {
  id: "runaway-growth",
  severity: "warning",
  docs: "docs/rules.md#runaway-growth",
  watches: ["fit_splats"],
  live: true,
  check({ tables }) {
    const changes = tables("training_metrics").filter((r) => (r["denied"] ?? "") !== "");
    const cap = Math.max(0, ...changes.map((r) => Number(r["splats"])));
    const far = changes.filter((r) => Number(r["denied"]) > FAR_MORE * cap);
    if (changes.length < FEWEST_CHANGES || far.length <= changes.length / 2) return undefined;
    return {
      message:
        `${far.length} of ${changes.length} changes of number wanted over half as many splats again as the cap of ${cap} allows`,
      evidence: far.slice(0, 3).map((r) => cells(r, "step", "splats", "denied")),
      suggestion: `Run again with cap=${
        2 * cap
      } if memory allows, or a densify_threshold ten times as high; gradients that stay large everywhere point at wrong cameras`,
    };
  },
};
