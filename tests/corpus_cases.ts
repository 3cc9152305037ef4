/**
 * The cases of the corpus, each with what it must be diagnosed with.
 */
import {
  type CaseRecipe,
  field,
  FIT,
  followed,
  HASH,
  healthy,
  inspected,
  itself,
  KILO,
  local,
  pair,
  sick,
  splats,
  student,
} from "./corpus_recipes.ts";
import { PICTURE_CASES } from "./corpus_picture_cases.ts";

const INVERTED = { spoilt: { mistake: "inverted" } } as const, OPENCV = { spoilt: { mistake: "opencv" } } as const;
const noise = (by: number) => ({ spoilt: { mistake: "noise", by } }) as const;
const FEW = { ...FIT, cap: 64, initial: 64, densify_every: 8, densify_threshold: 1e-9 } as const;

const HEALTHY: readonly CaseRecipe[] = [
  ...[0, 1, 2].map((seed) =>
    healthy(`field_${seed}`, `a small hash grid on photographs, seed ${seed}`, { ...field(), seed })
  ),
  healthy("field_48px", "48 pixels, 24 views", field({ steps: 400 }, { views: { size: 48, train: 24 } })),
  healthy("field_24px", "24 pixels, 12 views", field({ steps: 200 }, { views: { size: 24, train: 12 } })),
  healthy("field_l1", "loss l1", field({ loss: "l1" })),
  healthy("field_huber", "loss huber", field({ loss: "huber" })),
  healthy("field_depth", "with true depth, weight 0.1", field({ depth: { weight: 0.1 } })),
  healthy(
    "field_depth_warm",
    "with true depth, weight 1 after 200 steps",
    field({ depth: { weight: 1, warmup: 200 } }),
  ),
  healthy("field_white", "training over white", field({ background: "white" })),
  healthy("field_mlp", "colour by a second network", field({ colour: "mlp", colour_width: 16 })),
  healthy(
    "field_long",
    "1,600 steps: it ends on a plateau",
    field({ steps: 1600, eval_every: 160 }, { views: { train: 32 } }),
  ),
  healthy("field_slow", "rate 0.0005: a slow start", field({ rate: 0.0005 })),
  healthy("field_very_slow", "rate 0.0001: hardly begun at the end", field({ rate: 0.0001 })),
  healthy(
    "field_small_batch",
    "1,024 samples a step, a look every 16 steps",
    field({ batch_samples: 1024, eval_every: 16 }),
  ),
  healthy("field_no_average", "no averaged weights", field({ ema: 0 })),
  healthy("field_fast", "rate 0.3, fifteen times the default, and still good", field({ rate: 0.3 })),
  healthy(
    "field_quickstart",
    "defaults of the stage, preset tiny of quickstart",
    field(
      {
        steps: 96,
        batch_samples: 8192,
        levels: 16,
        log2_entries: 16,
        finest_resolution: 256,
        width: 64,
        eval_every: 24,
      },
      { views: { size: 48, train: 12 } },
    ),
  ),
  healthy("field_unseen", "eval_every 0: no looks", field({ eval_every: 0 })),
  healthy("field_subrays", "four rays a pixel, jittered", field({ subrays: 4, pixel_jitter: true })),
  healthy("field_one_view", "one view on purpose, no looks", field({ eval_every: 0, views: 1 })),
  healthy("field_busy", "half of the machine from the middle on", {
    ...field(),
    slow: { node: "student", from: 0.5, share: 0.5 },
  }),
  ...[0, 1, 2].map((seed) =>
    healthy(`splats_${seed}`, `splats with density control, seed ${seed}`, { ...splats(), seed })
  ),
  healthy("splats_fixed", "no density control", splats({ densify_end: 0 })),
  healthy("splats_resets", "opacity is reset three times", splats({ reset_every: 0.25, steps: 800, densify_end: 0.8 })),
  healthy("splats_l2", "loss l2 without SSIM", splats({ loss: "l2", ssim_weight: 0 })),
  healthy("splats_ssim", "ssim_weight 0.8", splats({ ssim_weight: 0.8 })),
  healthy("splats_box", "started in the whole box", splats({ init: "box" })),
  healthy("splats_capped", "a cap that is soon reached", splats({ cap: 1500 })),
  healthy("splats_48px", "48 pixels, degree 3", splats({ degree: 3, steps: 600 }, { views: { size: 48, train: 24 } })),
  healthy("splats_long", "1,500 steps", splats({ steps: 1500, eval_every: 100 }, { views: { train: 32 } })),
  ...[0, 1].map((seed) =>
    healthy(`hash_${seed}`, `a hash grid taught by splats, seed ${seed}`, { ...student(HASH), seed })
  ),
  healthy("hash_depth", "depth, weight 0.1", student(HASH, { depth: { weight: 0.1 } })),
  healthy("hash_features", "features after 100 steps", student(HASH, { features: { warmup: 100 } })),
  healthy("hash_all", "depth and features", student(HASH, { depth: { weight: 0.5 }, features: { warmup: 100 } })),
  healthy("hash_no_alpha", "no loss of opacity", student(HASH, { alpha: { weight: 0 } })),
  healthy("hash_goes_on", "goes on from another student", followed(HASH, {}, {})),
  healthy(
    "hash_features_late",
    "goes on from a good student with features",
    followed(HASH, {}, { features: { warmup: 100 } }),
  ),
  ...[0, 1].map((seed) =>
    healthy(`kilo_${seed}`, `KiloUniform taught by splats, seed ${seed}`, { ...student(KILO), seed })
  ),
  healthy("kilo_depth", "depth, weight 0.1", student(KILO, { depth: { weight: 0.1 } })),
  healthy("kilo_noisy", "rate 0.3: noisy, and still learning", student(KILO, { rate: 0.3 })),
  healthy(
    "kilo_thin",
    "density=0.001: hardly anything is seen at the start",
    student({ ...KILO, density: 0.001 }, { steps: 480 }),
  ),
  healthy("local_hash", "a hash grid matched to splats sample by sample", local(HASH)),
  healthy("local_kilo", "KiloUniform matched to splats sample by sample", local(KILO, 320)),
  healthy("pair", "two weights of depth, two scores", pair(HASH, { steps: 160 })),
  healthy("inspected", "a field with nearly true depth", inspected(1)),
];

const SICK: readonly CaseRecipe[] = [
  sick("blank-render", "hash_near", "near=2000: rays begin behind the object", student(HASH, { near: 2000 })),
  sick("blank-render", "kilo_near", "near=2000: rays begin behind the object", student(KILO, { near: 2000 })),
  sick(
    "blank-render",
    "field_range",
    "near and far of the scene times 25",
    field({}, { spoilt: { mistake: "range", by: 25 } }),
  ),
  sick(
    "blank-render",
    "field_box",
    "the scene's box is beside the object",
    field({}, { spoilt: { mistake: "box", by: 20 } }),
  ),
  sick("blank-render", "splats_near", "near=2000: no splat is drawn", splats({ near: 2000 })),
  sick(
    ["blank-render", "loss-spike"],
    "field_pruned",
    "prune_below=0.99 empties the grid at step 192",
    field({ prune_below: 0.99 }),
  ),
  sick(
    "loss-spike",
    "field_pruned",
    "prune_below=0.5 empties most of the grid at step 192",
    field({ prune_below: 0.5 }),
  ),
  sick("loss-spike", "field_pruned_1", "prune_below=0.5, seed 1", { ...field({ prune_below: 0.5 }), seed: 1 }),
  sick("loss-spike", "hash_pruned", "prune_below=0.5 in a distillation", student(HASH, { prune_below: 0.5 })),
  sick("loss-spike", "kilo_pruned", "prune_below=0.5 in a distillation", student(KILO, { prune_below: 0.5 })),
  sick("loss-spike", "hash_joined", "a good training, then the same student at rate 2: rows of both joined", {
    ...followed(HASH, {}, { rate: 2 }),
    joined: true,
  }),
  sick("loss-spike", "kilo_joined", "a good training, then the same student at rate 1: rows of both joined", {
    ...followed(KILO, {}, { rate: 1 }),
    joined: true,
  }),
  sick("below-constant", "field_rate", "rate=1000", field({ rate: 1000 })),
  sick("below-constant", "field_rate_1", "rate=1000, seed 1", { ...field({ rate: 1000 }), seed: 1 }),
  sick("below-constant", "kilo_rate_5", "rate=5", student(KILO, { rate: 5 })),
  sick("below-constant", "kilo_rate_5_1", "rate=5, seed 1", { ...student(KILO, { rate: 5 }), seed: 1 }),
  sick("below-constant", "splats_means", "means_rate=1e6: the centres fly away", splats({ means_rate: 1e6 })),
  sick("nan-onset", "field_rate", "rate=1e20", field({ rate: 1e20 })),
  sick("nan-onset", "kilo_rate", "rate=1e36", student(KILO, { rate: 1e36 })),
  sick(
    "nan-onset",
    "kilo_depth",
    "depth.weight=1e38 with a warm-up: it overflows after 160 steps",
    student(KILO, {
      depth: { weight: 1e38, warmup: 200 },
    }),
  ),
  sick("nan-onset", "splats_scales_50", "scales_rate=50", splats({ scales_rate: 50 })),
  sick("nan-onset", "splats_scales_10", "scales_rate=10", splats({ scales_rate: 10 })),
  sick(
    ["overfit", "ssim-falls"],
    "field_one_view",
    "one training view",
    field({ steps: 640 }, { views: { train: 1 } }),
  ),
  sick("overfit", "field_two_views", "two training views", field({ steps: 640 }, { views: { train: 2 } })),
  sick(
    ["overfit", "ssim-falls"],
    "splats_one_view",
    "one training view",
    splats({ steps: 800 }, { views: { train: 1 } }),
  ),
  sick("overfit", "splats_two_views", "two training views", splats({ steps: 800 }, { views: { train: 2 } })),
  sick(
    ["ssim-falls", "overfit"],
    "field_noise",
    "noise of 0.3 in the training pictures",
    field({ steps: 640 }, noise(0.3)),
  ),
  sick(
    ["ssim-falls", "overfit"],
    "field_noise_half",
    "noise of 0.5 in the training pictures",
    field({ steps: 640 }, noise(0.5)),
  ),
  sick(
    "ssim-falls",
    "field_grain",
    "noise of 0.3 over white, without masks",
    field(
      { steps: 640, background: "white" },
      { spoilt: { mistake: "grain", by: 0.3 } },
    ),
  ),
  sick(
    ["scale-collapse", "runaway-growth"],
    "rate_1",
    "scales_rate=1, two hundred times the default",
    splats({ scales_rate: 1 }),
  ),
  sick(["scale-collapse", "runaway-growth"], "rate_1_seed_1", "scales_rate=1, seed 1", {
    ...splats({ scales_rate: 1 }),
    seed: 1,
  }),
  sick(
    ["scale-collapse", "runaway-growth"],
    "rate_1_degree_0",
    "scales_rate=1, degree 0, 48 pixels",
    splats(
      { scales_rate: 1, degree: 0 },
      { views: { size: 48, train: 24 } },
    ),
  ),
  sick("runaway-growth", "cap_64", "densify_threshold=1e-9 under a cap of 64", splats(FEW)),
  sick("runaway-growth", "cap_64_seed_1", "densify_threshold=1e-9 under a cap of 64, seed 1", {
    ...splats(FEW),
    seed: 1,
  }),
  sick(
    "runaway-growth",
    "cap_128",
    "densify_threshold=1e-9 under a cap of 128",
    splats({ ...FEW, cap: 128, initial: 100 }),
  ),
  sick(
    "runaway-growth",
    "colour_rate",
    "colour_rate=0.3: gradients stay large",
    splats({ colour_rate: 0.3, cap: 1500 }),
  ),
  sick(
    "dead-gradient",
    "no_depth",
    "the scene's depth is 0 everywhere",
    field(
      { depth: { weight: 0.1 } },
      { spoilt: { mistake: "depth", by: 0 } },
    ),
  ),
  sick(
    "dead-gradient",
    "alpha_threshold",
    "depth.alpha_threshold=1: no ray is compared",
    student(HASH, {
      depth: { weight: 0.1, alpha_threshold: 1 },
    }),
  ),
  sick("dead-gradient", "depth_weight", "depth.weight=1e-12", student(HASH, { depth: { weight: 1e-12 } })),
  sick(
    "dead-gradient",
    "features",
    "weights of features 1e-12",
    student(HASH, {
      features: { l2_weight: 1e-12, cosine_weight: 1e-12, warmup: 0 },
    }),
  ),
  sick("gradients-clipped", "depth_weight", "depth.weight=1e6", student(HASH, { depth: { weight: 1e6 } })),
  sick(
    "gradients-clipped",
    "depth_warm",
    "depth.weight=1e4 with a warm-up",
    student(HASH, { depth: { weight: 1e4, warmup: 200 } }),
  ),
  sick("gradients-clipped", "alpha_weight", "alpha.weight=1e6", student(HASH, { alpha: { weight: 1e6 } })),
  sick(
    "gradients-clipped",
    "features",
    "features.l2_weight=1000 with a warm-up",
    student(HASH, {
      features: { l2_weight: 1e3, cosine_weight: 0.01, warmup: 200 },
    }),
  ),
  sick("throughput-cliff", "hash", "a twelfth of the machine from the middle on", {
    ...student(HASH, { steps: 640 }),
    slow: { node: "student", from: 0.5, share: 0.08 },
  }),
  sick("throughput-cliff", "kilo", "a twelfth of the machine from the middle on", {
    ...student(KILO, { steps: 640 }),
    slow: { node: "student", from: 0.5, share: 0.08 },
  }),
  sick("throughput-cliff", "splats", "a twelfth of the machine from the middle on", {
    ...splats({ steps: 600 }),
    slow: { node: "teacher", from: 0.4, share: 0.08 },
  }),
  sick(
    ["inverted-extrinsics", "blank-render"],
    "field",
    "world-to-camera matrices in transforms_*.json",
    field({}, INVERTED),
  ),
  sick(["inverted-extrinsics", "blank-render"], "field_opencv", "poses with OpenCV's axes", field({}, OPENCV)),
  sick(
    ["inverted-extrinsics", "blank-render"],
    "field_few",
    "world-to-camera matrices of four views",
    field(
      {},
      { ...INVERTED, views: { train: 4 } },
    ),
  ),
  sick("inverted-extrinsics", "splats", "world-to-camera matrices: no hull, the training stops", splats({}, INVERTED)),
  sick(
    "inverted-extrinsics",
    "splats_opencv",
    "poses with OpenCV's axes: no hull, the training stops",
    splats({}, OPENCV),
  ),
  ...[2, 0.5, 25.4, 1000].map((by) => sick("depth-scale", `times_${by}`, `true depth times ${by}`, inspected(by))),
  sick(
    ["identical-plateau", "blank-render"],
    "hash_near",
    "two weights of depth, and near=2000",
    pair(HASH, { near: 2000 }),
  ),
  sick(
    ["identical-plateau", "blank-render"],
    "kilo_near",
    "two weights of depth, and near=2000",
    pair(KILO, { near: 2000 }),
  ),
  sick(
    ["identical-plateau", "blank-render"],
    "hash_pruned",
    "two weights of depth, and prune_below=1",
    pair(HASH, { prune_below: 1 }),
  ),
  sick("not-the-target", "srgb", "its views are encoded as sRGB", itself("srgb")),
  sick("not-the-target", "alpha_twice", "its views are multiplied by alpha twice", itself("alpha_twice")),
  sick("not-the-target", "flipped", "its views have their rows from the bottom", itself("flipped")),
  sick("not-the-target", "bytes", "its views are rounded to 8 bits", itself("bytes")),
];

/** Everything in the corpus. */
export const CASES: readonly CaseRecipe[] = [...HEALTHY, ...SICK, ...PICTURE_CASES];
