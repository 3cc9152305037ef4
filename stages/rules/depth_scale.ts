/**
 * Depth scale: a teacher whose depth is true depth times a factor, because lengths were mixed.
 *
 * @module
 */
import type { Rule } from "../../runner/diagnosis.ts";
import { cells } from "./_looks.ts";

/** Farthest that the slope of teacher over true depth may be from 1, and from a factor that is named. */
const SCALE_TOLERANCE = 0.05;
/** From this distance on, a student learns another shape, and not only a slightly wrong one. */
const CRITICAL = 0.25;

/** Factors with a reason, each with what it is; their inverses are named too. */
const UNITS: readonly (readonly [factor: number, larger: string, smaller: string])[] = [
  [1000, "metres", "millimetres"],
  [100, "metres", "centimetres"],
  [39.3701, "metres", "inches"],
  [25.4, "inches", "millimetres"],
  [2.54, "inches", "centimetres"],
];
/** Powers of two up to this one are named. */
const MOST_DOUBLINGS = 10;

/** What a positive factor looks like: the nearest of those with a reason, when one is within the tolerance. */
function nameFactor(slope: number): string | undefined {
  const known = UNITS.flatMap(([factor, larger, smaller]) => [
    { factor, name: `true depth in ${larger}, the teacher's in ${smaller}` },
    { factor: 1 / factor, name: `true depth in ${smaller}, the teacher's in ${larger}` },
  ]);
  for (let k = 1; k <= MOST_DOUBLINGS; k++) {
    known.push({ factor: 2 ** k, name: `a factor of ${2 ** k}, a power of two` });
    known.push({ factor: 2 ** -k, name: `a factor of 1/${2 ** k}, a power of two` });
  }
  const away = ({ factor }: { factor: number }) => Math.abs(Math.log(slope / factor));
  const nearest = known.reduce((a, b) => away(b) < away(a) ? b : a);
  return away(nearest) <= Math.log1p(SCALE_TOLERANCE) ? nearest.name : undefined;
}

/** Fires when the robust slope of the teacher's depth over true depth is farther than 5 % from 1. */
export const depthScale: Rule = {
  id: "depth-scale",
  severity: "warning",
  docs: "docs/rules.md#depth-scale",
  watches: ["inspect_depth"],
  check({ metrics, tables }) {
    const slope = metrics["depth_slope"], intercept = metrics["depth_intercept"];
    if (slope === undefined || Math.abs(slope - 1) <= SCALE_TOLERANCE) return undefined;
    const name = slope > 0 ? nameFactor(slope) : "depth that falls where it should grow";
    return {
      message: `The teacher's depth is ${slope.toPrecision(3)} times true depth${
        intercept === undefined ? "" : ` ${intercept < 0 ? "-" : "+"} ${Math.abs(intercept).toPrecision(3)}`
      }${name === undefined ? "" : `: ${name}`}`,
      severity: Math.abs(slope - 1) > CRITICAL ? "critical" : "warning",
      evidence: tables("teacher_depth_views").slice(0, 3).map((row) =>
        cells(row, "view", "slope", "intercept", "depth_bias")
      ),
      suggestion: name === undefined
        ? "No mixed unit explains it: look at depth_strip.png. A teacher that was trained too briefly, or that is seen through, flattens depth: train it longer before a student learns depth from it"
        : "Do not tune the weight of the depth loss: look at depth_strip.png, and ask whether splats, cameras and true depth have one unit, and whether both depths are distances along the ray",
    };
  },
};
