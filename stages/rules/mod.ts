/**
 * All diagnosis rules of the stages. They stand beside the stages, not in them: a rule never changes a result, so it is no part of
 * a stage's key. Each says which stages it watches. A file here holds one rule; what several share is in files that begin with `_`.
 *
 * @module
 */
import type { GroupRule, Rule } from "../../runner/diagnosis.ts";
import { badAdditions } from "./bad_additions.ts";
import { belowConstant } from "./below_constant.ts";
import { blankRender } from "./blank_render.ts";
import { coverage } from "./coverage.ts";
import { deadGradient } from "./dead_gradient.ts";
import { depthScale } from "./depth_scale.ts";
import { frozenPass } from "./frozen_pass.ts";
import { gradientsClipped } from "./gradients_clipped.ts";
import { identicalPlateau } from "./identical_plateau.ts";
import { invertedExtrinsics } from "./inverted_extrinsics.ts";
import { lossSpike } from "./loss_spike.ts";
import { nanOnset } from "./nan_onset.ts";
import { notTheTarget } from "./not_the_target.ts";
import { overfit } from "./overfit.ts";
import { runawayGrowth } from "./runaway_growth.ts";
import { scaleCollapse } from "./scale_collapse.ts";
import { ssimFalls } from "./ssim_falls.ts";
import { throughputCliff } from "./throughput_cliff.ts";

/** Every rule, by its id. */
export const RULES: readonly (Rule | GroupRule)[] = [
  badAdditions,
  belowConstant,
  blankRender,
  coverage,
  deadGradient,
  depthScale,
  frozenPass,
  gradientsClipped,
  identicalPlateau,
  invertedExtrinsics,
  lossSpike,
  nanOnset,
  notTheTarget,
  overfit,
  runawayGrowth,
  scaleCollapse,
  ssimFalls,
  throughputCliff,
];
