/**
 * The cases of the corpus that fit Gaussians to pictures: real fits of small procedural pictures by the stage itself, the sick ones with
 * parameters that are far off, or with a trainer that was spoilt.
 */
import type { z } from "zod";
import { evaluatePictures } from "../stages/evaluate_pictures.ts";
import { FitGaussians, fitGaussians } from "../stages/fit_gaussians.ts";
import { type PictureKind, type PictureMistake, proceduralPictures, spoiltPictures } from "./corpus_pictures.ts";
import { type CaseRecipe, healthy, sick } from "./corpus_recipes.ts";

type FitSettings = Partial<z.input<typeof FitGaussians>>;

/** A fit that takes a second. */
const FIT = { gaussians: 24, steps: 60, eval_every: 20 } as const satisfies FitSettings;
/** Several passes that add Gaussians. */
const GROWING = { ...FIT, passes: 3, initial: 0.5 } as const satisfies FitSettings;

const PICTURES = "pictures", FITTED = "fit";

/** A fit and its evaluation. */
function fit(settings: FitSettings = {}, kinds: PictureKind[] = ["discs"], mistake?: PictureMistake) {
  return {
    keep: [FITTED, "evaluate"],
    pipeline() {
      const pictures = proceduralPictures(PICTURES, { kinds });
      const made = fitGaussians(FITTED, { pictures, ...FIT, ...settings });
      evaluatePictures("evaluate", {
        pictures,
        model: mistake ? spoiltPictures("spoilt", { fitted: made, mistake }) : made,
      });
    },
  };
}

/** Two fits that differ in one thing, and their evaluations. */
function twoFits(first: FitSettings, second: FitSettings) {
  return {
    keep: ["evaluate_first", "evaluate_second"],
    pipeline() {
      const pictures = proceduralPictures(PICTURES, { kinds: ["discs", "waves"] });
      for (const [name, settings] of [["first", first], ["second", second]] as const) {
        const fitted = fitGaussians(name, { pictures, ...FIT, ...settings });
        evaluatePictures(`evaluate_${name}`, { pictures, model: fitted });
      }
    },
  };
}

/** Rates at which nothing moves in single precision. */
const NO_RATES = { place_rate: 1e-12, shape_rate: 1e-12, colour_rate: 1e-12 } as const satisfies FitSettings;
/** All Gaussians lie to the right of the picture, which is black then. */
const AWAY = { trainer: [{ mistake: "away", by: 1000 }] } as const;
/** From the second pass of {@linkcode FIT} on. */
const STUCK = { mistake: "stuck", from: 60 } as const;
/** Colour of the Gaussians that are added. */
const loud = (by: number) => ({ mistake: "loud", by, from: 1 }) as const;

const HEALTHY: readonly CaseRecipe[] = [
  healthy("pictures_one_pass", "a random start, one pass", fit({ init: "random" })),
  healthy("pictures_long", "600 steps in one pass: it ends on a plateau", fit({ steps: 600, eval_every: 60 })),
  healthy("pictures_growing", "three passes, half of the Gaussians in the first", fit(GROWING)),
  healthy(
    "pictures_from_few",
    "five passes, a tenth of the Gaussians in the first",
    fit({ ...GROWING, initial: 0.1, passes: 5, gaussians: 60 }),
  ),
  healthy(
    "pictures_converged",
    "eight long passes over few Gaussians: the last have nothing to win, and are undone",
    fit({ gaussians: 12, steps: 300, passes: 8, eval_every: 100 }, ["waves"]),
  ),
  healthy(
    "pictures_densified",
    "splits and removals every 20 steps",
    fit({ gaussians: 60, initial: 0.4, steps: 120, densify_every: 20 }),
  ),
  healthy(
    "pictures_cholesky",
    "parameterisation cholesky, blend sum",
    fit({ ...GROWING, parameterisation: "cholesky", blend: "sum" }),
  ),
  healthy(
    "pictures_alpha",
    "blend alpha, opacities trained, loss mix",
    fit({ ...GROWING, blend: "alpha", opacity: "trained", loss: "mix", parameterisation: "log_cholesky" }),
  ),
  healthy(
    "pictures_top_k",
    "blend top_k, loss l1, superpixels",
    fit({ blend: "top_k", loss: "l1", init: "superpixel" }),
  ),
  healthy("pictures_slow", "a tenth of the rates", fit({ place_rate: 0.004, shape_rate: 0.004, colour_rate: 0.004 })),
  healthy("pictures_two", "two pictures one after another", fit({ ...GROWING, passes: 2 }, ["discs", "waves"])),
  healthy("pictures_flat", "a picture of one colour", fit({ passes: 2 }, ["flat"])),
  healthy("pictures_pair", "two losses, two scores", twoFits({ loss: "l1" }, { loss: "l2" })),
];

const SICK: readonly CaseRecipe[] = [
  sick("frozen-pass", "stuck", "no gradient arrives from the second pass on", { ...fit(GROWING), trainer: [STUCK] }),
  sick("frozen-pass", "stuck_first", "no gradient ever arrives", {
    ...fit({ init: "random", steps: 80 }),
    trainer: [{ mistake: "stuck" }],
  }),
  sick("frozen-pass", "stuck_late", "no gradient arrives from the third pass on, nothing is added", {
    ...fit({ passes: 4 }),
    trainer: [{ mistake: "stuck", from: 120 }],
  }),
  sick("frozen-pass", "no_rates", "rates of 1e-12", fit({ ...GROWING, ...NO_RATES })),
  sick(
    ["frozen-pass", "coverage", "blank-render", "below-constant"],
    "away",
    "all Gaussians lie to the right of the picture",
    { ...fit({ passes: 2 }), ...AWAY },
  ),
  sick(
    ["frozen-pass", "blank-render", "below-constant"],
    "clamped",
    "colours of 1000 that alone are trained: clamped, they are white",
    {
      ...fit({ passes: 2, place_rate: 1e-9, shape_rate: 1e-9 }),
      trainer: [{ mistake: "loud", by: 1000 }],
    },
  ),
  sick(
    ["frozen-pass", "bad-additions"],
    "loud_and_stuck",
    "from the second pass on new Gaussians of colour 40, and no gradient arrives: the first works, the others stand",
    { ...fit(GROWING), trainer: [STUCK, loud(40)] },
  ),
  sick("bad-additions", "loud_40", "new Gaussians of colour 40", { ...fit(GROWING), trainer: [loud(40)] }),
  sick("bad-additions", "loud_4", "new Gaussians of colour 4", { ...fit(GROWING), trainer: [loud(4)] }),
  sick("bad-additions", "negative", "new Gaussians of colour -4", { ...fit(GROWING), trainer: [loud(-4)] }),
  sick("bad-additions", "wide", "new Gaussians of 30 px", {
    ...fit(GROWING),
    trainer: [{ mistake: "wide", by: 30, from: 1 }],
  }),
  sick(["coverage", "below-constant"], "small", "Gaussians start with 0.1 px", {
    ...fit(),
    trainer: [{ mistake: "small", by: 0.1 }],
  }),
  sick(["coverage", "below-constant"], "small_random", "Gaussians start at random, with 0.1 px", {
    ...fit({ init: "random" }),
    trainer: [{ mistake: "small", by: 0.1 }],
  }),
  sick("coverage", "four", "four Gaussians for a whole picture", fit({ gaussians: 4, steps: 300, eval_every: 100 })),
  sick(
    "coverage",
    "noise",
    "sixteen Gaussians for noise, which they hardly tell from its mean colour: most of twenty passes have nothing to win, and are undone",
    fit({ gaussians: 16, init: "random", passes: 20, eval_every: 60 }, ["noise"]),
  ),
  sick("scale-collapse", "pictures_shrinking", "every step makes them a twelfth smaller; the pass is undone", {
    ...fit({ steps: 250, eval_every: 25 }),
    trainer: [{ mistake: "shrinking", by: 1 / 12 }],
  }),
  sick(["coverage", "below-constant"], "evaluated_small", "evaluated with 0.1 px", fit({}, ["discs"], "small")),
  sick(
    ["blank-render", "coverage"],
    "pictures_away",
    "evaluated with centres times 1000",
    fit({}, ["discs", "waves"], "away"),
  ),
  sick(
    "below-constant",
    "pictures_negative",
    "evaluated as a negative",
    fit({ init: "random" }, ["discs"], "negative"),
  ),
  sick("below-constant", "pictures_swapped", "evaluated with x and y swapped", fit({}, ["waves"], "swapped")),
  sick("nan-onset", "pictures_shape", "shape_rate=50", fit({ shape_rate: 50 })),
  sick("nan-onset", "pictures_colour", "colour_rate=1e37", fit({ colour_rate: 1e37 })),
  sick(
    "loss-spike",
    "pictures_pruned",
    "prune=100 px: most of the picture is removed after 120 steps",
    fit({ steps: 180, densify_every: 120, prune: 100, eval_every: 10 }),
  ),
  sick(
    ["identical-plateau", "blank-render", "coverage"],
    "pictures_away",
    "two losses, and Gaussians to the right of the picture",
    { ...twoFits({ loss: "l1" }, { loss: "l2" }), ...AWAY },
  ),
];

/** Every case with pictures. */
export const PICTURE_CASES: readonly CaseRecipe[] = [...HEALTHY, ...SICK];
