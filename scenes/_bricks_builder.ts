/**
 * What toys are built with: materials, studded bricks, rods and pillars. Lengths in studs (across) and plates (up) until
 * they are placed.
 */
import { type Part, partDistance } from "./bricks_sdf.ts";

/** Distance between studs, scene units. */
export const STUD = 0.15;
/** Height of a plate; a brick is three. */
export const PLATE = 0.06;
/** Studs along an edge of the base plate. */
export const BASE = 12;
/** World height of the underside of the base plate. */
const FLOOR = -0.64;
/** What the finished toy is multiplied by: the largest that no camera of the hemisphere cuts off. */
const SCALE = 0.92;
const STUD_RADIUS = 0.045;
const STUD_HEIGHT = 0.034;
/** Half the gap between bricks. */
export const GAP = 0.0035;
/** Radius of the edges of bricks. */
export const EDGE = 0.011;

/** How a surface answers to light. */
export interface Material {
  /** What parts call it. */
  readonly name: string;
  /** Linear sRGB reflectance; for metal the colour of its reflection. */
  readonly colour: readonly [number, number, number];
  /** 0 a mirror, 1 chalk. */
  readonly roughness: number;
  /** Whether it mirrors instead of scattering. */
  readonly metal: boolean;
  /** Light sent out, times colour. */
  readonly glow: number;
}

const plastic = (name: string, colour: readonly [number, number, number], roughness = 0.32): Material => ({
  name,
  colour,
  roughness,
  metal: false,
  glow: 0,
});

/** All materials; parts name them by index. */
export const MATERIALS: readonly Material[] = [
  plastic("green", [0.075, 0.34, 0.085], 0.4),
  plastic("red", [0.6, 0.035, 0.025]),
  plastic("dark red", [0.36, 0.022, 0.02]),
  plastic("tan", [0.72, 0.53, 0.27]),
  plastic("blue", [0.02, 0.085, 0.36], 0.26),
  plastic("slate", [0.045, 0.06, 0.085], 0.3),
  plastic("grey", [0.3, 0.31, 0.33]),
  plastic("yellow", [0.85, 0.5, 0.015]),
  plastic("brown", [0.2, 0.075, 0.025]),
  plastic("black", [0.016, 0.016, 0.019], 0.45),
  plastic("leaf", [0.11, 0.42, 0.03]),
  plastic("sand", [0.62, 0.5, 0.3], 0.55),
  plastic("glass", [0.08, 0.3, 0.48], 0.12),
  plastic("orange", [0.8, 0.19, 0.012]),
  plastic("white", [0.74, 0.73, 0.69]),
  { name: "copper", colour: [0.86, 0.36, 0.18], roughness: 0.27, metal: true, glow: 0 },
  { name: "brass", colour: [0.82, 0.58, 0.2], roughness: 0.3, metal: true, glow: 0 },
  { name: "fire", colour: [1, 0.28, 0.03], roughness: 1, metal: false, glow: 2.2 },
  { name: "lamp", colour: [1, 0.78, 0.35], roughness: 1, metal: false, glow: 1.3 },
];

/** A point or size. */
export type V3 = readonly [number, number, number];
/** A unit quaternion x, y, z, w. */
export type V4 = readonly [number, number, number, number];

const material = (name: string): number => {
  const index = MATERIALS.findIndex((each) => each.name === name);
  if (index < 0) throw new RangeError(`Expected the name of a material, found ${name}`);
  return index;
};

/** The quaternion of a turn by `degrees` about an axis. */
const about = (axis: V3, degrees: number): V4 => {
  const half = degrees * Math.PI / 360;
  const s = Math.sin(half) / Math.hypot(...axis);
  return [axis[0] * s, axis[1] * s, axis[2] * s, Math.cos(half)];
};
const UPRIGHT: V4 = [0, 0, 0, 1];
/** Local x, y, z to world x, z, -y: pictures drawn on a wall that faces the viewer of the front. */
export const FRONT: V4 = about([1, 0, 0], 90);
/** Local z to world -y. */
export const ALONG_Y: V4 = about([1, 0, 0], 90);
/** Local x, y, z to world y, z, x: pictures drawn on a wall that faces +x. */
export const SIDE: V4 = [0.5, 0.5, 0.5, 0.5];

/** World coordinate of a number of studs from the corner of the base plate. */
export const across = (studs: number): number => (studs - BASE / 2) * STUD;
/** World height of a number of plates above the floor. */
export const up = (plates: number): number => FLOOR + plates * PLATE;

/** A toy being built. */
export class Model {
  /** What has been added; studs come with finish(). */
  readonly parts: Part[] = [];
  readonly #studs: { x: number; y: number; z: number; material: number }[] = [];

  /** Adds one part: the name of its material, then its place, size and what else it needs. */
  add(kind: Part["kind"], name: string, centre: V3, size: V3, options: Partial<Part> = {}): void {
    const { turn = UPRIGHT, round = 0, extra = [0, 0, 0] } = options;
    this.parts.push({ kind, material: material(name), centre, turn, size, round, extra });
  }

  /** A brick from stud (i, j) and plate k, ni x nj studs and nk plates large. */
  brick(name: string, [i, j, k]: V3, [ni, nj, nk]: V3, studs = true): void {
    const half: V3 = [ni * STUD / 2 - GAP - EDGE, nj * STUD / 2 - GAP - EDGE, nk * PLATE / 2 - EDGE - GAP / 3];
    this.add("box", name, [across(i + ni / 2), across(j + nj / 2), up(k + nk / 2)], half, { round: EDGE });
    if (!studs) return;
    for (let a = 0; a < ni; a++) {
      for (let b = 0; b < nj; b++) this.stud(name, i + a + 0.5, j + b + 0.5, k + nk);
    }
  }

  /** A stud centred at (i, j) on a face k plates high; left out where something covers it. */
  stud(name: string, i: number, j: number, k: number): void {
    this.#studs.push({ x: across(i), y: across(j), z: up(k), material: material(name) });
  }

  /** An upright cylinder, heights in scene units. */
  pillar(name: string, x: number, y: number, low: number, high: number, radius: number, round = 0.006): void {
    this.add("disc", name, [x, y, (low + high) / 2], [radius - round, 0, (high - low) / 2 - round], { round });
  }

  /** A rod with round ends between two points. */
  rod(name: string, a: V3, b: V3, radius: number): void {
    const d: V3 = [b[0] - a[0], b[1] - a[1], b[2] - a[2]];
    const length = Math.hypot(...d);
    // The turn that takes +z to d: half-way between the two.
    const w = 1 + d[2] / length;
    const raw: V4 = w < 1e-9 ? [1, 0, 0, 0] : [-d[1] / length, d[0] / length, 0, w];
    const n = Math.hypot(...raw);
    this.add("disc", name, [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2, (a[2] + b[2]) / 2], [0, 0, length / 2], {
      turn: [raw[0] / n, raw[1] / n, raw[2] / n, raw[3] / n],
      round: radius,
    });
  }

  /** A whole ball. */
  ball(name: string, centre: V3, radius: number): void {
    this.add("ball", name, centre, [radius, 0, radius]);
  }

  /** Adds the studs that nothing covers. */
  finish(): Part[] {
    const solid = [...this.parts];
    for (const { x, y, z, material } of this.#studs) {
      const covered = solid.some((part) => partDistance(part, x, y, z + 0.6 * STUD_HEIGHT) < 0.004);
      if (covered) continue;
      const round = 0.006;
      // A little of the stud reaches down into its brick.
      const half = (STUD_HEIGHT + 0.02) / 2;
      this.parts.push({
        kind: "disc",
        material,
        centre: [x, y, z + STUD_HEIGHT - half],
        turn: UPRIGHT,
        size: [STUD_RADIUS - round, 0, half - round],
        round,
        extra: [0, 0, 0],
      });
    }
    return this.parts.map(scaled);
  }
}

/** A part of the finished toy. */
function scaled(part: Part): Part {
  const times = ([a, b, c]: V3): V3 => [a * SCALE, b * SCALE, c * SCALE];
  const [a, b, c] = part.extra;
  // Directions stay, lengths grow: see KIND.
  const extra: V3 = part.kind === "arch" ? times(part.extra) : [a, b, c * SCALE];
  return { ...part, centre: times(part.centre), size: times(part.size), round: part.round * SCALE, extra };
}
