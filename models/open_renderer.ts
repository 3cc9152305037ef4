/**
 * Any trained model, ready to be looked at.
 *
 * @module
 */
import type { Gpu } from "../kernels/device.ts";
import type { TrainedField } from "./field_file.ts";
import { studentField } from "./fields.ts";
import { FieldRenderer } from "./field_renderer.ts";
import type { ViewRenderer } from "./rendered_view.ts";
import { openSplatRenderer } from "./splat_renderer.ts";
import type { TrainedSplats } from "./trained_splats.ts";

/** Every kind of model that renders views. */
export type SceneModel = TrainedField | TrainedSplats;

/** How to look at it. */
export interface ViewOptions {
  readonly width: number;
  readonly height: number;
  /** Rays per pixel of a field, a square number; 0: as it was trained. */
  readonly subrays: number;
  /** Distance between the samples of a field as a share of the trained one. */
  readonly stepScale: number;
}

/**
 * Uploads a model and prepares its renderer; `free` gives everything back.
 *
 * @throws {RangeError} When `subrays` is no square number, or the model does not fit the device.
 */
export function openRenderer(gpu: Gpu, model: SceneModel, options: ViewOptions): Promise<ViewRenderer> {
  const { width, height } = options;
  return model.kind === "splats"
    ? openSplatRenderer(gpu, model.splats, { width, height, near: model.near })
    : openFieldRenderer(gpu, model, options);
}

async function openFieldRenderer(gpu: Gpu, field: TrainedField, options: ViewOptions): Promise<ViewRenderer> {
  const subrays = options.subrays === 0 ? Math.round(Math.sqrt(field.subrays)) ** 2 : options.subrays;
  if (!Number.isInteger(Math.sqrt(subrays))) throw new RangeError(`subrays must be a square number: found ${subrays}`);
  const parameters = Object.fromEntries(
    studentField(field.config).blocks.map((
      { name, usage },
    ) => [name, gpu.upload(name, field.parameters[name]!, usage)]),
  );
  const occupancy = gpu.upload("occupancy bits", field.occupancy);
  const renderer = await FieldRenderer.create(
    gpu,
    {
      field: field.config,
      box: field.box,
      near: field.near,
      width: options.width,
      height: options.height,
      stepLength: field.stepLength * options.stepScale,
      mostSamples: Math.ceil(field.mostSamples / options.stepScale),
      occupancyResolution: field.occupancyResolution,
      subrays,
    },
    parameters,
    occupancy,
  );
  return {
    prewarm: () => renderer.prewarm(),
    render: (camera) => renderer.render(camera),
    free() {
      renderer.free();
      gpu.free(...Object.values(parameters), occupancy);
    },
  };
}
