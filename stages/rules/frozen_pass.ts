/**
 * Frozen pass: Gaussians that make their steps and do not move. One project saw its second pass stand at loss 0.375001 and 4 dB,
 * and suspected a gradient, a clamp, new Gaussians and NaN in turn, for weeks.
 *
 * @module
 */
import type { Row } from "../../runner/csv.ts";
import type { Diagnosis, Rule } from "../../runner/diagnosis.ts";
import { cells } from "./_looks.ts";
import { changesOf, MUCH_WORSE, type Pass, passesOf, PERFECT, thrownBack } from "./_passes.ts";

/** Relative change of the loss over the rows of a pass below which nothing moved. Adam moves by its rates, however small a gradient. */
const STILL_LOSS = 1e-6;
/** The same of the PSNR between start and end, dB. */
const STILL_DECIBELS = 1e-5;
/** Hardly moved, dB: far too little for a pass that is far below the one before it. */
const HARDLY_DECIBELS = 1e-3;
/** Rows that a pass must have before it may be called frozen under way. */
const FEWEST_ROWS = 3;
/** Share of the rates from which on they move nothing that counts. */
const NO_RATE = 0.01;
/** Coverage below which Gaussians do not reach the picture. */
const UNSEEN = 0.01;
/** Median axis, of the longer side, below which Gaussians are no larger than their blur. */
const COLLAPSED = 0.001;
/** How many times larger than the clamped picture's the squared error is when colours lie far outside 0 to 1. */
const CLAMPED = 2;

/** Why a pass stands still, and what to do. */
interface Suspect {
  readonly what: string;
  readonly mend: string;
}

/** Fires on the first pass that did not move though it made its steps. It is a note when passes before it had used up the rates. */
export const frozenPass: Rule = {
  id: "frozen-pass",
  severity: "critical",
  docs: "docs/rules.md#frozen-pass",
  watches: ["fit_gaussians"],
  live: true,
  check(evidence) {
    const all = passesOf(evidence);
    const frozen = all.filter(isFrozen);
    const sick = frozen.find((pass) => !isUsedUp(pass, all)), shown = sick ?? frozen[0];
    return shown && diagnosisOf(shown, frozen, sick === undefined);
  },
};

/** Whether a pass stands still, and has something left to win. */
function isFrozen(pass: Pass): boolean {
  const { ended, rows } = pass;
  const losses = rows.map((row) => Number(row["loss"])), most = Math.max(...losses);
  const lossStill = rows.length > 1 && most - Math.min(...losses) <= STILL_LOSS * Math.abs(most);
  if (!ended) return lossStill && rows.length >= FEWEST_ROWS && !(levelOf(rows) > PERFECT);
  const [before, start, end] = ["psnr_before", "psnr_start", "psnr_end"].map((column) => Number(ended[column]));
  if (end! > PERFECT) return false;
  const moved = Math.abs(end! - start!);
  if (end! < before! - MUCH_WORSE && (lossStill || moved < HARDLY_DECIBELS)) return true;
  // The picture is clamped, the loss is not: one may stand while the other moves. Otherwise both stand, or it is chance.
  return moved <= STILL_DECIBELS && (lossStill || rows.length < 2 || clampedBy(pass) > CLAMPED);
}

/** The last PSNR among some rows, dB; NaN when there is none. */
function levelOf(rows: readonly Row[]): number {
  return Number(rows.findLast((row) => typeof row["train_psnr"] === "number")?.["train_psnr"] ?? NaN);
}

/** The squared error of the last row, before the picture is clamped, in that of the clamped picture. */
function clampedBy({ ended, rows }: Pass): number {
  const psnr = ended ? Number(ended["psnr_end"]) : levelOf(rows);
  return Number(rows.at(-1)?.["l2"] ?? NaN) / 10 ** (-psnr / 10);
}

/** Whether it stands because passes before it had nothing more to win and each halved the rates: the fit is at its end. */
function isUsedUp(pass: Pass, all: readonly Pass[]): boolean {
  const before = all.filter(({ image, pass: index }) => image === pass.image && index < pass.pass);
  return rateOf(pass) < NO_RATE && thrownBack(pass.ended) < MUCH_WORSE &&
    before.some(({ ended }) => ended?.["kept"] === 1);
}

/** Factor of the rates that a pass started from. */
function rateOf({ ended, rows }: Pass): number {
  return Number(ended?.["rate"] ?? rows[0]?.["rate"] ?? NaN);
}

function diagnosisOf(pass: Pass, frozen: readonly Pass[], usedUp: boolean): Diagnosis {
  const { ended, rows } = pass, last = rows.at(-1), suspects = suspectsOf(pass);
  const psnr = ended ? Number(ended["psnr_end"]) : levelOf(rows);
  const many = frozen.length > 1 ? `, as did ${frozen.length - 1} more` : "";
  return {
    message: `Pass ${pass.pass} of ${pass.image} stood still at ${
      last ? `loss ${Number(last["loss"]).toPrecision(6)} and ` : ""
    }${psnr.toFixed(2)} dB${last ? ` up to step ${last["step"]}` : ""}${many}: ${
      suspects.map(({ what }) => what).join("; ")
    }`,
    ...(usedUp ? { severity: "note" } : {}),
    evidence: [
      ...(ended ? [cells(ended, "pass", "added", "psnr_before", "psnr_start", "psnr_end", "rate")] : []),
      ...rows.slice(-2).map((row) => cells(row, "step", "loss", "train_psnr", "coverage_median", "rate")),
    ],
    suggestion: suspects.map(({ mend }) => mend).join(". "),
  };
}

/** What the rows show that stops a pass, the likeliest first; when they show nothing, it is the gradient. */
function suspectsOf(pass: Pass): Suspect[] {
  const { ended, rows } = pass;
  // The last row of a pass that was undone may be of what was before.
  const own = ended?.["kept"] === 0 && rows.length > 1 ? rows.slice(0, -1) : rows;
  const latest = (column: string) => Number(own.findLast((row) => typeof row[column] === "number")?.[column] ?? NaN);
  const notFinite = Math.max(0, ...rows.map((row) => Number(row["not_finite"] ?? 0)));
  const fell = thrownBack(ended), seen = latest("coverage_median"), scale = latest("scale_median");
  const clamped = clampedBy(pass), rate = rateOf(pass);
  const found: (Suspect | false)[] = [
    notFinite > 0 && {
      what: `${notFinite} Gaussians or pixels hold numbers that are not finite`,
      mend: "Lower the rates, and look at not_finite.csv",
    },
    fell > MUCH_WORSE && {
      what: `its changes of number (${changesOf(ended!)}) had already cost ${fell.toFixed(1)} dB before the first step`,
      mend: "Render the picture before and after the additions: they must not change it by more than they are to mend",
    },
    seen < UNSEEN && {
      what: `the median coverage is ${seen.toPrecision(2)}, the Gaussians do not reach the picture`,
      mend: "Look at the centres: are they in pixels, x to the right and y down, within the picture?",
    },
    scale < COLLAPSED && {
      what: `the median scale is ${scale.toPrecision(2)} of the longer side, no more than the blur`,
      mend: "Lower shape_rate, or start with larger Gaussians",
    },
    clamped > CLAMPED && {
      what: `the squared error is ${
        clamped.toPrecision(2)
      } times that of the clamped picture, colours lie far outside 0 to 1`,
      mend: "Start from colours between 0 and 1, and clamp nothing before the loss: what is clamped has no gradient",
    },
    rate < NO_RATE && {
      what: `its rates were down to ${rate.toPrecision(2)} of what they are at the start`,
      mend: "Take fewer passes: each that wins nothing halves the rates of the next",
    },
  ];
  const suspects = found.filter((suspect) => suspect !== false);
  return suspects.length > 0 ? suspects : [{
    what: "the rows show nothing that stops it, so the gradient reaches no parameter",
    mend:
      "Raise place_rate, shape_rate and colour_rate a hundredfold for ten steps: when the loss stays, the update is not wired; when it moves, check the gradient against finite differences (deno test kernels/registry_test.ts --filter Gaussians)",
  }];
}
