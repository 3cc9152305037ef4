/**
 * Stages that make a scene: read a Blender folder, or render the procedural `bricks`. What a scene can supervise is part of
 * its type, so a training that wants depth from a scene that exports none does not compile.
 *
 * @module
 */
import { z } from "zod";
import { renderBricks } from "../scenes/bricks.ts";
import { openBlender } from "../scenes/blender.ts";
import type { Capability, SceneInfo } from "../scenes/scene.ts";
import type { Gpu } from "../kernels/device.ts";
import { type Artifact, jsonArtifact } from "../runner/artifact.ts";
import { StageError } from "../runner/errors.ts";
import type { Ref } from "../runner/ref.ts";
import { stage } from "../runner/stage.ts";

/** A scene whose views carry what `C` names. */
export interface Scene<C extends Capability = Capability> {
  /** Cameras, splits, box and background; pictures are loaded when they are wanted. */
  readonly info: SceneInfo;
  /** What its training views carry, as values too. */
  readonly exports: { readonly [K in C]: true };
}

const plain = jsonArtifact<Scene>("scene");

/** Scenes live where their pictures are: a rendered one in the stage's own folder, so its path is set anew on loading. */
const renderedScene: Artifact<Scene> = {
  ...plain,
  format: "rendered-scene",
  async load(directory) {
    const scene = await plain.load(directory);
    return { ...scene, info: { ...scene.info, folder: directory } };
  },
};

const readStage = stage({
  name: "blender_scene",
  module: import.meta.url,
  params: z.object({
    path: z.string().describe("folder with transforms_{train,val,test}.json"),
    downscale: z.int().min(1).default(1).describe("area reduction factor"),
    exports: z.array(z.enum(["colour", "depth", "normal"])).default(["colour"]),
  }),
  artifact: plain,
  dataFiles: (params) => [params.path],
  provides: (params) => params.exports,
  async run(_context, _inputs, params) {
    const info = await openBlender(params.path, { downscale: params.downscale });
    for (const kind of ["depth", "normal"] as const) {
      if (!params.exports.includes(kind)) continue;
      const has = kind === "depth" ? info.splits.train.hasDepth : info.splits.train.hasNormal;
      if (!has) {
        throw new StageError(
          `Scene ${params.path} was asked for ${kind}, but its training views have none: leave ${kind} out of exports, or name ${kind}_file_path in transforms_train.json`,
        );
      }
    }
    const { train, val, test } = info.splits;
    return {
      value: { info, exports: Object.fromEntries(params.exports.map((e) => [e, true])) as Scene["exports"] },
      metrics: {
        train_views: train.views,
        val_views: val.views,
        test_views: test.views,
        width: train.width,
        height: train.height,
      },
    };
  },
});

/** Reads a NeRF-synthetic ("Blender") folder. `exports` says what its training views can supervise. */
export function blenderScene<const C extends Capability = "colour">(
  name: string,
  args: { path: string; downscale?: number; exports?: readonly C[] },
): Ref<Scene<NoInfer<C>>> {
  const exports: Capability[] = [...(args.exports ?? ["colour" as const])];
  return readStage(name, { ...args, exports }) as unknown as Ref<Scene<C>>;
}

const bricksStage = stage({
  name: "bricks_scene",
  module: import.meta.url,
  device: true,
  params: z.object({
    size: z.int().min(16).max(4096).default(100).describe("pixels per side"),
    train: z.int().min(1).default(60).describe("training views"),
    val: z.int().min(0).default(4).describe("validation views"),
    test: z.int().min(1).default(12).describe("test views"),
    layout: z.int().min(0).default(0).describe("chooses the training cameras"),
  }),
  artifact: renderedScene,
  provides: () => ["colour", "depth", "normal"],
  async run(context, _inputs, params) {
    context.phase("render bricks");
    const { size, train, val, test } = params;
    await renderBricks(
      context.device as Gpu,
      { size, views: { train, val, test }, seed: params.layout },
      context.directory,
      (done, total) => context.progress({ done, total, unit: "view" }),
    );
    const info = await openBlender(context.directory);
    const value: Scene = {
      info: { ...info, name: "bricks", folder: "." },
      exports: { colour: true, depth: true, normal: true },
    };
    return { value, metrics: { train_views: train, val_views: val, test_views: test, width: size, height: size } };
  },
});

/** Size and number of views of a rendered `bricks`. */
export interface BricksViews {
  /** Pixels per side, 16 to 4096; 100 when left out. */
  readonly size?: number;
  /** Training views; 60 when left out. */
  readonly train?: number;
  /** Validation views; 4 when left out. */
  readonly val?: number;
  /** Test views; 12 when left out. */
  readonly test?: number;
  /** Chooses the training cameras; 0 when left out. Test cameras are always the same. */
  readonly layout?: number;
}

/** Renders the procedural scene `bricks` on the device: colour, exact depth and normals. */
export function bricksScene(
  name: string,
  args: BricksViews = {},
): Ref<Scene<"colour" | "depth" | "normal">> {
  return bricksStage(name, args) as unknown as Ref<Scene<"colour" | "depth" | "normal">>;
}

/** `bricks`, or a folder: what experiments take as `scene=`. Only colour is promised, since a folder may hold no more. */
export function namedScene(
  name: string,
  args: { scene: string; downscale: number; bricks?: BricksViews },
): Ref<Scene<"colour">> {
  return args.scene === "bricks"
    ? bricksScene(name, args.bricks)
    : blenderScene(name, { path: args.scene, downscale: args.downscale });
}
