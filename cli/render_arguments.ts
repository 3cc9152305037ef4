/** What `render` may be told. */

import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { optional } from "@optique/core/modifiers";
import { argument, command, constant, option } from "@optique/core/primitives";
import { choice as oneOf, float, integer, string } from "@optique/core/valueparser";
import { examples, type FolderArguments, folders } from "./options.ts";

/** The command `render`. */
export const render = command(
  "render",
  object({
    action: constant("render"),
    run: argument(string({ metavar: "RUN" }), {
      description:
        message`A run's folder, its id or the beginning of it, or the name of an experiment for its newest run. deno task list shows them.`,
    }),
    node: optional(option("--node", string({ metavar: "NAME" }), {
      description: message`Which model of the run; the last one that it trained when left out.`,
    })),
    seed: optional(option("--seed", integer({ min: 0, max: 2 ** 31, metavar: "K" }), {
      description: message`Which of the run's seeds; its first one when left out.`,
    })),
    camera: optional(option("--camera", string({ metavar: "CAMERA" }), {
      description:
        message`One camera: a view of the scene (test:12, train:0, val:3), around the model (orbit:AZIMUTH,ELEVATION or orbit:AZIMUTH,ELEVATION,DISTANCE; degrees and world units), or a frame of a file like transforms.json (mine.json, mine.json:3). test:0 when left out, orbit:0,20 where the run has no scene.`,
    })),
    turntable: optional(option("--turntable", integer({ min: 2, max: 999, metavar: "N" }), {
      description: message`N pictures once around the model, frame_000.png and so on, instead of one.`,
    })),
    elevation: optional(option("--elevation", float({ min: -89, max: 89, metavar: "DEGREES" }), {
      description: message`How high the cameras of the turntable stand; 20 when left out.`,
    })),
    distance: optional(option("--distance", float({ metavar: "UNITS" }), {
      description: message`How far they stand from the middle; so that nearly all of the model is seen when left out.`,
    })),
    fov: optional(option("--fov", float({ min: 5, max: 120, metavar: "DEGREES" }), {
      description: message`Field of view of cameras around the model, along the shorter side; 40 when left out.`,
    })),
    up: optional(option("--up", oneOf(["x", "-x", "y", "-y", "z", "-z"], { metavar: "AXIS" }), {
      description:
        message`Which way is up for cameras around the model: x, -x, y, -y, z or -z. When left out z, and -y for splats from a file.`,
    })),
    size: optional(option("--size", string({ metavar: "W[xH]" }), {
      description: message`Pixels; as the scene's pictures when left out. With W alone their shape is kept.`,
    })),
    background: optional(option("--background", string({ metavar: "COLOUR" }), {
      description:
        message`What is behind the model: white, black, three numbers from 0 to 1 (0.2,0.2,0.25), or transparent. As in the scene's evaluations when left out.`,
    })),
    depth: option("--depth", {
      description:
        message`Write the depth of each picture too: NAME_depth.npy with distances along the rays, and NAME_depth.png, where near is light.`,
    }),
    subrays: optional(option("--subrays", integer({ min: 1, max: 64, metavar: "N" }), {
      description: message`Rays per pixel of a field, a square number; as it was trained when left out.`,
    })),
    out: optional(option("--out", string({ metavar: "FOLDER" }), {
      description: message`Where the pictures go; renders/NODE in the run's folder when left out.`,
    })),
    json: option("--json", {
      description:
        message`Print one JSON object as the last line of standard output; everything else goes to standard error.`,
    }),
    ...folders,
  }),
  {
    brief: message`Render views of a trained model of a run.`,
    description:
      message`Draws a trained model from any side as PNG: one view, or a turntable, with depth where it is wanted. Views of the scene are drawn as evaluate draws them. Exit code 0: the pictures are written; 2: nothing was drawn, because the run, its model, the camera or a file is missing or wrong; 1: anything else, such as no WebGPU device.`,
    footer: examples(
      ["deno task render quickstart", "the first test view of the newest run of quickstart"],
      ["deno task render quickstart --camera test:3 --depth", "another one, with its depth"],
      ["deno task render quickstart --camera orbit:30,20 --size 400", "from 30 degrees around and 20 above"],
      ["deno task render fit_splats --turntable 36 --background black", "36 pictures once around"],
      ["deno task render 20261121T1245 --node student --background transparent --out out", "a run by its id"],
    ),
  },
);

/** What `render` was told. */
export interface RenderArguments extends FolderArguments {
  /** Which command. */
  readonly action: "render";
  /** The run: a folder, an id or its beginning, or an experiment's name. */
  readonly run: string;
  /** The model's node. */
  readonly node: string | undefined;
  /** One of the run's seeds. */
  readonly seed: number | undefined;
  /** The camera, as it was written. */
  readonly camera: string | undefined;
  /** Pictures once around. */
  readonly turntable: number | undefined;
  /** Degrees that the turntable's cameras stand above the middle. */
  readonly elevation: number | undefined;
  /** Their distance from it, world units. */
  readonly distance: number | undefined;
  /** Field of view of cameras around the model, degrees. */
  readonly fov: number | undefined;
  /** Which way is up for them. */
  readonly up: "x" | "-x" | "y" | "-y" | "z" | "-z" | undefined;
  /** Pixels, as they were written. */
  readonly size: string | undefined;
  /** The colour behind the model, as it was written. */
  readonly background: string | undefined;
  /** Write depth too. */
  readonly depth: boolean;
  /** Rays per pixel of a field. */
  readonly subrays: number | undefined;
  /** Where the pictures go. */
  readonly out: string | undefined;
  /** Print one JSON object last. */
  readonly json: boolean;
}
