/**
 * What a scene is once it has been read: cameras with pictures, and where wanted depth and normals.
 * @module
 */
import type { Camera } from "./camera.ts";

/** What a scene, teacher or student can give for a ray. */
export type Capability = "colour" | "depth" | "normal";

/** The parts of a data set. */
export type Split = "train" | "val" | "test";

/** All splits, in the order in which they are read. */
export const SPLITS: readonly Split[] = ["train", "val", "test"];

/** One photograph with its camera. H = camera.height, W = camera.width; rows from the top. */
export interface View {
  /** The name of its picture without folder and extension, such as `r_12`. */
  readonly name: string;
  /** Its place in its split. */
  readonly index: number;
  /** Its camera, already at the size of the picture. */
  readonly camera: Camera;
  /** PREMULTIPLIED RGBA, H * W * 4, in [0, 1]. Over a background b the target is rgb + (1 - a) b. */
  readonly rgba: Float32Array<ArrayBuffer>;
  /** Euclidean distance along the ray through the pixel centre, H * W, in scene units; 0 where there is none. */
  readonly depth?: Float32Array<ArrayBuffer>;
  /** Unit world-space normals, H * W * 3; 0, 0, 0 where there is none. */
  readonly normal?: Float32Array<ArrayBuffer>;
}

/** An axis-aligned box in world coordinates. */
export interface Box {
  /** Its lowest corner. */
  readonly min: readonly [number, number, number];
  /** Its highest corner. */
  readonly max: readonly [number, number, number];
}

/** What is known of one split without decoding its pictures. */
export interface SplitInfo {
  /** Number of views. */
  readonly views: number;
  /** Columns and rows of its pictures after downscaling; 0 when the split is empty. */
  readonly width: number;
  /** Rows of its pictures after downscaling; 0 when the split is empty. */
  readonly height: number;
  /** Whether every view has depth. */
  readonly hasDepth: boolean;
  /** Whether every view has normals. */
  readonly hasNormal: boolean;
}

/** A scene on disk, checked but not decoded. Plain data: it survives JSON. */
export interface SceneInfo {
  /** The name of its folder. */
  readonly name: string;
  /** Its folder, as given. */
  readonly folder: string;
  /** The whole factor by which pictures are reduced, by area. */
  readonly downscale: number;
  /** Nearest distance along a ray at which there may be something. */
  readonly near: number;
  /** Farthest distance. */
  readonly far: number;
  /** The box that holds the scene. */
  readonly aabb: Box;
  /** The colour behind the scene in evaluations. */
  readonly background: readonly [number, number, number];
  /** Its parts. */
  readonly splits: Readonly<Record<Split, SplitInfo>>;
}

/** Which views to load, and what of them. */
export interface LoadOptions {
  /** Places in the split, in the order wanted; all of them when left out. */
  readonly indices?: readonly number[];
  /** Load depth; an error when the split has none. */
  readonly depth?: boolean;
  /** Load normals; an error when the split has none. */
  readonly normal?: boolean;
}
