/**
 * What every table and view holds: its columns, their types, and one line of meaning for each.
 *
 * One place for three readers: DuckDB gets the types, `deno task query --schema` and docs/queries.md the meanings.
 *
 * @module
 */

/** What a column holds: text, numbers (`inf` and `nan` included) or true and false. */
export type ColumnType = "VARCHAR" | "DOUBLE" | "BOOLEAN";

/** One column of a table. */
export interface Column {
  /** Name as SQL sees it; snake_case. */
  readonly name: string;
  /** How DuckDB reads it. */
  readonly type: ColumnType;
}

/** A column with its meaning. */
export interface DescribedColumn extends Column {
  /** True for times, watts, ids and the like: a run that is repeated gives other values. */
  readonly measured: boolean;
  /** What it means, with its unit. */
  readonly meaning: string;
}

/** A table or view with its meaning. */
export interface DescribedTable {
  /** What one row is. */
  readonly meaning: string;
  /** Its columns, in order. */
  readonly columns: readonly DescribedColumn[];
}

/** Lines `name meaning`: `name#` holds numbers, `name?` true and false, others text; `~` before the meaning: measured. */
function describe(meaning: string, ...lines: readonly string[]): DescribedTable {
  const columns = lines.join("\n").split("\n").map((line): DescribedColumn => {
    const [, name = "", mark, measured, text = ""] = /^\s*(\w+)([#?]?)\s+(~ )?(.*)$/.exec(line) ?? [];
    const type = mark === "#" ? "DOUBLE" : mark === "?" ? "BOOLEAN" : "VARCHAR";
    return { name, type, measured: measured !== undefined, meaning: text };
  });
  return { meaning, columns };
}

const short = `run ~ id of the run: its start in UTC and a random part, so that ids sort by time
experiment name of the experiment
preset name of the preset; default when none was named
scene name of the scene`;

const origin = `${short}
commit git commit of the code
dirty? true when there were uncommitted changes
adapter name of the GPU or software device
params_hash first 12 characters of the SHA-256 of the parameters`;

const node = `${short}
node name of the node in the experiment's plan
seed# seed; empty when the run has several and the node depends on none`;

const keyed = `${node}
key first 16 characters of the stage key; runs with equal keys share the rows`;

/** The tables by name. */
export const tableSchemas = {
  runs: describe(
    "One run of an experiment",
    origin,
    `title the experiment's title
status done, gate failed, failed, stopped, paused, or unfinished while there is no summary
sweep id of the sweep that it is a point of; empty for a run of its own
point# number of the point in that sweep
seeds# how many seeds
seconds# ~ wall time, s
gpu_peak_bytes# most bytes in GPU buffers of any stage
parameters_sha256 SHA-256 of the trained parameters of the last node that reports one, first seed
started ~ start, ISO 8601 UTC
finished ~ end, ISO 8601 UTC
directory ~ its folder, relative to the project`,
  ),
  params: describe(
    "One parameter of one run",
    `run ~ id of the run
experiment name of the experiment
preset name of the preset
key path of the parameter, such as student.steps
value its value as text; lists as JSON`,
  ),
  metrics: describe(
    "One metric of one run, over its seeds",
    origin,
    `node node that reports it
column name of the metric
metric node and column, such as evaluate.psnr
mean# mean over the seeds; measured where column measured says so
spread# sample standard deviation over the seeds; 0 for one
seeds# how many values
measured? true for times, watts and the like`,
  ),
  evaluations: describe(
    "One evaluation of one seed on one split",
    origin,
    `node node that evaluated
seed# seed; empty when the run has several and the node depends on none
image name of the picture, where one was fitted
split train, val or test; picture where a picture was fitted
views# how many views
width# width of a view, px
height# height of a view, px
downscale# factor by which photographs were made smaller
background colour behind the object, red green blue from 0 to 1
pixel_centre where a pixel's centre lies in the pixel
rounding none, or how colours were rounded to 8 bits
ssim_window window of SSIM
ssim_padding valid: no padding
lpips_net net of LPIPS, or no weights
psnr# mean over views of PSNR against the photographs, dB
ssim# mean over views of SSIM
ms_ssim# MS-SSIM of a fitted picture
psnr_white# PSNR of all-white pictures, dB
psnr_black# PSNR of all-black pictures, dB
psnr_constant# PSNR of pictures of one mean colour, dB
psnr_over_constant# psnr less psnr_constant, dB
psnr_foreground# PSNR over the pixels of the object alone, dB
gaussians# how many Gaussians a picture is made of; of a file those that it holds
coverage_median# median over its pixels of their coverage W, the sum of the weights of the Gaussians there
depth_rmse# root mean square error against true depth, world units
depth_coverage# share of the pixels with true depth that have a depth
teacher_views# views that were compared with the teacher
psnr_teacher# PSNR against the teacher's pictures, dB
ssim_teacher# SSIM against the teacher's pictures
depth_rmse_teacher# root mean square error against the teacher's depth, world units
ms_per_frame# ~ time of one view, ms
fps# ~ views per second
gpu_peak_mib# most GPU memory of the evaluation, MiB
train_seconds# ~ time that the evaluated model's training took, s
lpips# LPIPS against the photographs; empty without weights
power_w# ~ mean power of the evaluation, W; empty where it cannot be read
energy_j# ~ energy of the evaluation, J; empty where it cannot be read`,
  ),
  evaluation_views: describe(
    "One view of one evaluation",
    node,
    `split train, val or test; empty when the evaluation has one split
view name of the view
psnr# PSNR against the photograph, dB
ssim# SSIM
psnr_foreground# PSNR over the pixels of the object alone, dB
psnr_white# PSNR of an all-white picture, dB
psnr_black# PSNR of an all-black picture, dB
psnr_constant# PSNR of a picture of one mean colour, dB
deviation# largest deviation of a channel of the render from its mean; near 0 for a blank render`,
  ),
  gates: describe(
    "One gate of one run, as the run judged it",
    origin,
    `gate name of the gate
node node that reports the metric
column name of the metric
metric node and column
operator >= or <=
threshold# the threshold, in the metric's unit
gate_scene scene that the gate is for; empty for all
value# mean over the seeds; as measured as its metric is
spread# sample standard deviation over the seeds
state pass, fail, flaky (seeds disagree) or unmeasured
blocking? true when later nodes do not run after a failure
seeds# how many seeds the value is the mean of`,
  ),
  findings: describe(
    "One finding of the diagnosis",
    origin,
    `node node that it is about
seed# seed; empty when the node depends on none
rule id of the rule, see docs/rules.md
severity note, warning or critical
message what was found
evidence the rows that show it, JSON
suggestion what to try next
docs where the rule is explained`,
  ),
  images: describe(
    "One picture that a report shows; of committed evidence only",
    `run ~ id of the run
experiment name of the experiment
preset name of the preset
scene name of the scene
commit git commit of the code
dirty? true when there were uncommitted changes
adapter name of the GPU or software device
node node whose folder had it
seed# seed
file its name there
path where it is committed
sha256 SHA-256 of the file`,
  ),
  provenance: describe(
    "Where one run comes from",
    `run ~ id of the run
experiment name of the experiment
preset name of the preset
scene name of the scene
commit git commit of the code
dirty? true when there were uncommitted changes
patch_sha256 SHA-256 of the uncommitted changes
lock_sha256 SHA-256 of deno.lock
adapter name of the GPU or software device
vendor vendor of the device
backend vulkan, metal or dx12
driver driver of the device, where it says
host ~ name of the computer
deno version of Deno
started ~ start, ISO 8601 UTC
params_hash first 12 characters of the SHA-256 of the parameters
directory ~ its folder, relative to the project`,
  ),
  nodes: describe(
    "One node of one run and seed: what its result depends on and what it cost",
    node,
    `stage name of the stage
key the stage key: equal keys share one result
code semantic hash of the stage's code
inputs its inputs, JSON: input to node
data content hashes of its data files, JSON; empty without
params_sha256 SHA-256 of its resolved parameters
seconds# ~ time of work, s; of the run that computed it
gpu_peak_bytes# most bytes in GPU buffers
energy_j# ~ energy, J; empty where it cannot be read
power_w# ~ mean power, W; empty where it cannot be read
gpu_driver_bytes# ~ most GPU memory as the driver counts it; empty where it cannot be read
artifact format and version of the result, such as field 2`,
  ),
  events: describe(
    "One event that a stage noted while it worked",
    node,
    `severity note, warning or critical
kind what it is about
message the sentence`,
  ),
  stale: describe(
    "One node whose result is no longer what code or data would give; of committed evidence only",
    `${short}
node name of the node
cause what has moved since`,
  ),
  training_metrics: describe(
    "One noted step of one training",
    keyed,
    `step# steps done
loss# the weighted loss
train_psnr# PSNR of the training batch, dB
val_psnr# PSNR of validation views, dB; only at live evaluations
rate# learning rate
seconds# ~ seconds of training so far
colour_loss# colour term, before its weight
alpha_loss# opacity term
depth_loss# depth term
feature_l2_loss# squared difference of features
feature_cosine_loss# one less the cosine of features
alpha_weight# weight of the opacity term at this step
depth_weight# weight of the depth term
feature_l2_weight# weight of the squared difference of features
feature_cosine_weight# weight of the cosine of features
gradient_norm_colour# length of the colour term's gradient; only at live evaluations
gradient_norm_alpha# of the opacity term's
gradient_norm_depth# of the depth term's
gradient_norm_feature_l2# of the squared difference of features
gradient_norm_feature_cosine# of the cosine of features`,
  ),
  teacher_depth_views: describe(
    "One view of a teacher's depth",
    keyed,
    `split train, val or test
view name of the view
pixels# pixels of the view
coverage# share of pixels where the teacher is opaque
depth_min# least depth along the ray, world units
depth_max# largest depth
depth_mean# mean depth
depth_median# median depth
norm_min# least normalised depth: 0 where the ray enters the scene's box, 1 where it leaves
norm_max# largest normalised depth
norm_mean# mean normalised depth
norm_outside# share of pixels outside 0 to 1
ray_range_min# least length of a ray inside the box, world units
ray_range_max# largest length
ray_range_mean# mean length
true_pixels# pixels whose true depth is trusted
depth_coverage# share of them that have a depth
depth_rmse# root mean square error against true depth, world units
depth_mae# mean absolute error
depth_bias# mean of depth less true depth
within_1pct# share of pixels within 1 % of true depth
slope# slope of a robust line of depth over true depth; 1 is right
intercept# its value at 0, world units`,
  ),
  teacher_depth_histogram: describe(
    "One bin of normalised depth",
    keyed,
    `bin# number of the bin, from 0
low# its lower end
high# its upper end
teacher# pixels of the teacher's depth in it
truth# pixels of true depth in it`,
  ),
  rate_distortion: describe(
    "One compressed picture: its size, and how close its decoder comes",
    keyed,
    `image name of the picture
width# width of the picture, px
height# height of the picture, px
codec what compressed it: jpeg (mozjpeg), webp (libwebp), sgi (Gaussians)
setting what was asked of the codec, such as the quality
gaussians# how many Gaussians were fitted; empty for other codecs
bytes# size of the whole file, bytes
bits_per_pixel# 8 bytes / (width height)
psnr# PSNR against the picture, dB
ms_ssim# MS-SSIM against the picture; empty where it is too small for that`,
  ),
  codes: describe(
    "One picture's file of Gaussians: where its bytes go, and what they cost",
    keyed,
    `image name of the picture
gaussians# how many Gaussians were fitted
kept# how many of them the file holds: those that are worth their bits
bytes# size of the whole file, bytes
bits_per_gaussian# 8 bytes / gaussians
bits_per_pixel# 8 bytes / (width height)
ratio# raw parameters, eight float32 for each Gaussian, over the file
positions# bytes of the centres; a fraction, since an entropy coder shares bytes
scales# bytes of the standard deviations
angles# bytes of the angles
colours# bytes of the colours
psnr_float# PSNR of the Gaussians before, dB
psnr_rounded# of the same, rounded once, dB
psnr# of the decoded file, dB
seconds# ~ time of rounding, training and coding, s`,
  ),
  passes: describe(
    "One pass of the fit of one picture",
    keyed,
    `image name of the picture
pass# from 0
gaussians# at its end
added# before its first step, where the error was largest
split# split in two
pruned# removed
psnr_before# PSNR of the best Gaussians before it, dB
psnr_start# after removing and adding, before its first step, dB
psnr_end# after its last step, dB
kept# 1 when it was better and kept, 0 when it was undone
rate# factor of the rates that it began with`,
  ),
} as const;

/** The views beside the tables. */
export const viewSchemas = {
  latest: {
    ...tableSchemas.runs,
    meaning:
      "The newest run of each experiment, preset, scene and set of parameters, points of sweeps left out; the columns of runs",
  },
  gate_states: describe(
    "One gate of one run of latest, with whether its result still stands",
    `experiment name of the experiment
preset name of the preset
scene name of the scene
run ~ id of the run
gate name of the gate
node node that reports the metric
column name of the metric
operator >= or <=
threshold# the threshold, in the metric's unit
value# mean over the seeds
spread# sample standard deviation over the seeds
seeds# how many seeds
judged what the run found: pass, fail, flaky or unmeasured
state stale when table stale names the run and node, otherwise judged
cause what has moved since; empty when nothing has`,
  ),
} as const;
