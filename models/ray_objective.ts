/**
 * What a ray has to show: a field's samples are rendered along rays and compared with pixels: colour, opacity, depth, features.
 *
 * @module
 */
import type { Binding, Gpu, Op } from "../kernels/device.ts";
import { batchSummaryOp } from "../kernels/losses/batch_summary.ts";
import { featureLossOps } from "../kernels/losses/feature_loss.ts";
import { photometricOps, RAY_TERM_VECTORS } from "../kernels/losses/photometric.ts";
import { networkOps } from "../kernels/networks/fully_connected.ts";
import { joinFeaturesOps } from "../kernels/networks/join_features.ts";
import type { RaySamplerBuffers } from "../kernels/rays/ray_sampler.ts";
import { volumeOps } from "../kernels/volume/volume_rendering.ts";
import type { FieldOps, ParameterBuffers } from "./student_field.ts";
import {
  type FeatureImages,
  projectorConfig,
  sampleCapacity,
  type TrainerConfig,
  type TrainingImages,
} from "./trainer_config.ts";

/** Uniforms and results of one step. */
export interface StepSlot {
  /** Of `batchWords`. */
  readonly batch: Binding;
  /** Of `lossWeightWords`. */
  readonly weights: Binding;
  /** Takes `SUMMARY_FLOATS`. */
  readonly summary: Binding;
}

/** What a field is compared with, on a device. */
export interface ObjectiveInputs {
  readonly config: TrainerConfig;
  readonly images: TrainingImages;
  readonly features?: FeatureImages | undefined;
  readonly samples: RaySamplerBuffers;
  readonly field: FieldOps;
  /** The block `projector`, where features are matched. */
  readonly parameters: ParameterBuffers;
  readonly gradients: ParameterBuffers;
}

/** A loss over a field's samples, prepared on a device. */
export interface Objective {
  /** By slot: from the field's density and values to their gradients. */
  readonly ops: readonly (readonly Op[])[];
  readonly densityGradient: GPUBuffer;
  readonly valueGradient: GPUBuffer;
  /** `[sample]` rendering weight, what the sample adds to its pixel, where there are pixels. */
  readonly sampleWeights?: GPUBuffer;
  free(): void;
}

/** Transmittance below which the rest of a ray is left out. */
const STOP_BELOW = 1e-4;

/**
 * Prepares the loss of rays against pixels.
 *
 * @throws {TypeError} When depth or features are to be matched and there are none.
 */
export async function rayObjective(gpu: Gpu, inputs: ObjectiveInputs, slots: readonly StepSlot[]): Promise<Objective> {
  const { config, images, samples, field } = inputs;
  const { depth, features } = config.terms, { rayCapacity, subrays } = config;
  if (depth && !images.depths) throw new TypeError("Depth supervision needs depth, but the images have none");
  if (features && !inputs.features) throw new TypeError("Feature supervision needs features, but there are none");
  const made: GPUBuffer[] = [];
  const keep = (buffer: GPUBuffer) => (made.push(buffer), buffer);
  const colours = keep(gpu.upload("photographs", images.colours));
  const rayTerms = keep(gpu.buffer("ray terms", rayCapacity * RAY_TERM_VECTORS * 16));
  const depths = depth ? keep(gpu.upload("true depth", images.depths!)) : undefined;
  const projection = features ? await projectTaps(gpu, inputs, inputs.features!.channels) : undefined;
  const vectors = projection?.vectors ?? 1;
  const volume = await volumeOps(gpu, { vectors, stop: STOP_BELOW }, {
    counts: samples.counts,
    spans: samples.spans,
    intervals: samples.intervals,
    density: field.density,
    values: projection?.values ?? field.values,
    rayCapacity,
    sampleCapacity: sampleCapacity(config),
  }, true);
  const { rendered, geometry, renderedGradient, geometryGradient } = volume.buffers;
  const losses = await photometricOps(gpu, {
    loss: config.loss,
    vectors,
    subrays,
    background: config.background,
    ...(depth ? { depth: { loss: depth.loss, alphaThreshold: depth.alphaThreshold } } : {}),
  }, {
    pixels: samples.pixels,
    colours,
    depths,
    rays: samples.rays,
    rendered,
    geometry,
    renderedGradient: renderedGradient!,
    geometryGradient: geometryGradient!,
    rayTerms,
    rayCapacity,
  }, slots);
  const featureTerms = features ? keep(gpu.buffer("feature terms", rayCapacity * 16)) : undefined;
  const featureLosses = features
    ? await featureLossOps(gpu, { vectors, subrays, alphaThreshold: features.alphaThreshold }, {
      pixels: samples.pixels,
      colours,
      teacherIndex: keep(gpu.upload("index of teacher features", inputs.features!.index)),
      teacherRows: keep(gpu.upload("teacher features", inputs.features!.rows)),
      rendered,
      renderedGradient: renderedGradient!,
      featureTerms: featureTerms!,
      rayCapacity,
    }, slots)
    : [];
  const summaries = await Promise.all(
    slots.map(({ batch, summary }) =>
      batchSummaryOp(
        gpu,
        { subrays, depth: depth !== undefined },
        { counts: samples.counts, rayTerms, featureTerms },
        batch,
        summary,
      )
    ),
  );
  const after = await projection?.backward(volume.buffers.valueGradient!);
  return {
    ops: slots.map((_, j) => [
      ...(projection?.forward ?? []),
      ...volume.forward,
      losses[j]!,
      ...featureLosses.slice(j, j + 1),
      summaries[j]!,
      ...volume.backward,
      ...(after ?? []),
    ]),
    densityGradient: volume.buffers.densityGradient!,
    valueGradient: projection?.colourGradient ?? volume.buffers.valueGradient!,
    sampleWeights: volume.buffers.weights,
    free: () => (volume.free(), projection?.free(), gpu.free(...made)),
  };
}

/** From a field's taps to features beside its colours, as volume rendering takes them. */
async function projectTaps(
  gpu: Gpu,
  { config, samples, field, parameters, gradients }: ObjectiveInputs,
  channels: number,
) {
  const { taps } = field, capacity = sampleCapacity(config);
  if (!taps?.gradient) throw new TypeError("This kind of student has no taps: features cannot be matched");
  const { counts } = samples;
  const projector = await networkOps(gpu, projectorConfig(taps.width, channels), {
    counts,
    input: taps.values,
    inputGradient: taps.gradient,
    parameters: parameters["projector"]!,
    gradient: gradients["projector"]!,
    capacity,
  });
  const values = gpu.buffer("colour and features", capacity * (4 + channels) * 4);
  const colourGradient = gpu.buffer("colour gradient", capacity * 16);
  const widths = { first: 1, second: channels / 4 };
  const joined = { counts, first: field.values, second: projector.output, joined: values, capacity };
  const { forward } = await joinFeaturesOps(gpu, widths, joined);
  return {
    vectors: 1 + channels / 4,
    values,
    colourGradient,
    forward: [...projector.forward, ...forward],
    backward: async (valueGradient: GPUBuffer) => {
      const split = await joinFeaturesOps(gpu, widths, joined, {
        joined: valueGradient,
        first: colourGradient,
        second: projector.outputGradient!,
        mode: "write",
      });
      return [...split.backward, ...projector.backward];
    },
    free: () => (projector.free(), gpu.free(values, colourGradient)),
  };
}
