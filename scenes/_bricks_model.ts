/**
 * The toy itself: a still-house of studded bricks, with a copper still, its condenser, a cart, a tree and a fence.
 */
import { across, ALONG_Y, BASE, EDGE, FRONT, GAP, Model, PLATE, SIDE, STUD, up, type V3 } from "./_bricks_builder.ts";
import { nearestPart, type Part } from "./bricks_sdf.ts";

/** All parts of the toy. Each lies inside [-1.2, 1.2] on every axis. */
export function brickParts(): Part[] {
  const model = new Model();
  model.brick("green", [0, 0, -1], [BASE, BASE, 2]);
  for (let j = 0; j < 5; j++) model.brick("sand", [3 + (j % 2) * 0.08, j, 1], [2, 1, 0.5], false);
  house(model);
  roof(model);
  still(model);
  condenser(model);
  cart(model);
  garden(model);
  return model.finish();
}

/** Height of a wall layer, in plates. */
const LAYER = 3;

function house(model: Model): void {
  const bond = (layer: number): number[] => layer % 2 === 0 ? [2, 2, 2] : [1, 2, 2, 1];
  const shade = (n: number): string => (n * 7 + 3) % 5 === 0 ? "dark red" : "red";
  for (let layer = 0; layer < 4; layer++) {
    const k = 1 + layer * LAYER;
    const corner = layer % 2 === 0 ? 1 : 2;
    // Back wall.
    let i = 1;
    for (const n of bond(layer)) {
      model.brick(n === 1 ? "tan" : shade(layer * 3 + i), [i, 10, k], [n, 1, LAYER]);
      i += n;
    }
    // Front wall: quoins, and above the doorway a lintel.
    for (const i of [1, 6]) model.brick(corner === 1 ? "tan" : "red", [i, 5, k], [1, 1, LAYER]);
    if (layer === 3) { for (const i of [2, 4]) model.brick(shade(i), [i, 5, k], [2, 1, LAYER]); }
    // Side walls with a window two studs wide in layers 1 and 2.
    for (const i of [1, 6]) {
      if (layer === 0 || layer === 3) {
        model.brick(shade(layer + i), [i, 6, k], [1, 2, LAYER]);
        model.brick(shade(layer + i + 1), [i, 8, k], [1, 2, LAYER]);
      } else {
        model.brick(shade(layer * 2 + i), [i, 6, k], [1, 1, LAYER]);
        model.brick(shade(layer + i), [i, 9, k], [1, 1, LAYER]);
      }
    }
  }
  doorway(model, "tan", [2, 5, 1], 4, 3 * LAYER, 0.155, 0.1);
  // The door, ajar in shadow, with its knob.
  model.add("box", "blue", [across(4), across(5.62), up(1) + 0.262], [0.17, 0.018, 0.255], { round: 0.008 });
  model.ball("brass", [across(4) + 0.08, across(5.62) - 0.035, up(1) + 0.19], 0.02);
  for (const side of [1, 6]) {
    const x = across(side + 0.5);
    const y = across(8);
    const z = up(1 + 2 * LAYER);
    model.add("box", "glass", [x, y, z], [0.006, STUD - 0.012, LAYER * PLATE - 0.012], { round: 0.004 });
    model.rod("white", [x, y - STUD, z], [x, y + STUD, z], 0.017);
    model.rod("white", [x, y, z - LAYER * PLATE], [x, y, z + LAYER * PLATE], 0.017);
    const out = side === 1 ? -1 : 1;
    model.add("box", "white", [x + out * 0.05, y, up(1 + LAYER) + 0.012], [0.055, STUD + 0.01, 0.008], {
      round: 0.006,
    });
  }
}

/** A wall piece with a round-topped opening, seen from the front. */
function doorway(model: Model, name: string, [i, j, k]: V3, ni: number, nk: number, radius: number, spring: number) {
  const half: V3 = [ni * STUD / 2 - GAP - EDGE, nk * PLATE / 2 - EDGE - GAP / 3, STUD / 2 - GAP - EDGE];
  model.add("arch", name, [across(i + ni / 2), across(j + 0.5), up(k + nk / 2)], half, {
    turn: FRONT,
    round: EDGE,
    extra: [radius + EDGE, spring - EDGE, 0],
  });
  for (let a = 0; a < ni; a++) model.stud(name, i + a + 0.5, j + 0.5, k + nk);
}

function roof(model: Model): void {
  const pieces: readonly (readonly [number, number])[] = [[0.5, 2.5], [3, 2], [5, 2.5]];
  for (let layer = 0; layer < 3; layer++) {
    const k = 13 + layer * LAYER;
    const inner = 4 - 2 * layer;
    if (inner > 0) model.brick("tan", [1, 6 + layer, k], [6, inner, LAYER], false);
    for (const [n, [i, ni]] of pieces.entries()) {
      const colour = (n + layer) % 2 === 0 ? "slate" : "blue";
      slope(model, colour, i, ni, 5 + layer, k, -1);
      slope(model, colour, i, ni, 10 - layer, k, 1);
    }
  }
  // Ridge, chimney and weather vane.
  const top = up(13 + 3 * LAYER);
  for (const [i, n] of [[0.5, 2], [2.5, 3], [5.5, 2]] as const) model.brick("red", [i, 7.5, 22], [n, 1, 1]);
  for (let layer = 0; layer < 4; layer++) model.brick("grey", [5, 9, 14 + layer * LAYER], [1, 1, LAYER], false);
  model.brick("dark red", [4.9, 8.9, 26], [1.2, 1.2, 1], false);
  model.pillar("black", across(5.5), across(9.5), up(26.5), up(28.2), 0.045);
  const x = across(1);
  const y = across(8);
  model.rod("black", [x, y, top], [x, y, top + 0.36], 0.012);
  model.rod("black", [x - 0.1, y, top + 0.2], [x + 0.1, y, top + 0.2], 0.01);
  model.rod("black", [x, y - 0.1, top + 0.2], [x, y + 0.1, top + 0.2], 0.01);
  model.ball("brass", [x, y, top + 0.2], 0.026);
  model.add("wedge", "yellow", [x + 0.06, y, top + 0.31], [0.11, 0.05, 0.006], {
    turn: FRONT,
    round: 0.004,
    extra: [0.4, 0.9165, 0.03],
  });
  model.ball("brass", [x, y, top + 0.37], 0.02);
}

/** A roof brick whose face falls towards -y (side -1) or +y (side 1). */
function slope(model: Model, name: string, i: number, ni: number, j: number, k: number, side: number): void {
  const high = LAYER * PLATE / 2;
  const deep = STUD / 2;
  // Drawn on a wall facing x: local x is world y, local y is world z. The lower lip of the slope keeps some height.
  const lip = 0.035;
  const rise = 2 * high - lip;
  const length = Math.hypot(2 * deep, rise);
  const n: V3 = [side * rise / length, 2 * deep / length, 0];
  // Behind the face the brick goes on under the next layer.
  const behind = 0.25 * STUD;
  const through = side * (deep + behind) * n[0] + (-high + lip) * n[1];
  model.add(
    "wedge",
    name,
    [across(i + ni / 2), across(j + 0.5) - side * behind, up(k) + high],
    [deep + behind - 0.004, high - 0.005, ni * STUD / 2 - GAP - 0.004],
    { turn: SIDE, round: 0.004, extra: [n[0], n[1], through - 0.004] },
  );
}

function still(model: Model): void {
  // The furnace: bricks around a fire.
  doorway(model, "grey", [8, 2, 1], 3, 6, 0.11, -0.04);
  for (const [k, off] of [[1, 0], [4, 1]] as const) {
    model.brick(off ? "grey" : "slate", [8, 3, k], [1, 2, 3]);
    model.brick(off ? "slate" : "grey", [10, 3, k], [1, 2, 3]);
    model.brick("grey", [9, 4, k], [1, 1, 3]);
  }
  model.brick("black", [8, 2, 7], [3, 3, 1]);
  const x = across(9.5);
  const y = across(3.5);
  model.ball("fire", [x - 0.03, y - 0.09, up(1) + 0.05], 0.05);
  model.ball("fire", [x + 0.04, y - 0.07, up(1) + 0.07], 0.06);
  model.rod("brown", [x - 0.08, y - 0.12, up(1) + 0.02], [x + 0.07, y - 0.1, up(1) + 0.025], 0.02);
  // The pot: a belly, a shoulder, a neck that bends over.
  const z = up(8);
  model.add("disc", "copper", [x, y, z + 0.1], [0.15, 0, 0.06], { round: 0.045 });
  model.add("ball", "copper", [x, y, z + 0.175], [0.172, 0, 0.02]);
  model.add("disc", "brass", [x, y, z + 0.16], [0.195, 0, 0.006], { round: 0.01 });
  model.add("cone", "copper", [x, y, z + 0.41], [0, 0, 0.11], coneOf(0.085, 0.04, 0.11));
  model.add("disc", "brass", [x, y, z + 0.345], [0.075, 0, 0.004], { round: 0.009 });
  const bend = z + 0.5;
  model.add("arc", "copper", [x, y + 0.13, bend], [0.13, 0, 0], {
    turn: SIDE,
    round: 0.038,
    extra: [Math.sin(1.571), Math.cos(1.571), 0],
  });
  model.rod("copper", [x, y + 0.26, bend], [x, across(7.3), up(8.6)], 0.034);
  model.add("disc", "brass", [x, y + 0.262, bend - 0.012], [0.038, 0, 0.006], { round: 0.008 });
}

/** The extra numbers of a cone with radius `low` at z = -half and `high` at z = +half. */
function coneOf(low: number, high: number, half: number): Partial<Part> {
  const length = Math.hypot(2 * half, low - high);
  const n: V3 = [2 * half / length, (low - high) / length, 0];
  return { extra: [n[0], n[1], low * n[0] - half * n[1]] };
}

function condenser(model: Model): void {
  const x = across(9.5);
  const y = across(7.3);
  const low = up(1);
  model.pillar("brown", x, y, low, low + 0.4, 0.2, 0.012);
  for (const z of [0.06, 0.2, 0.34]) {
    model.add("ring", "brass", [x, y, low + z], [0.2, 0.004, 0.016], { round: 0.006 });
  }
  model.add("ring", "brown", [x, y, low + 0.41], [0.185, 0.008, 0.02], { round: 0.006 });
  model.pillar("glass", x, y, low + 0.38, low + 0.415, 0.18);
  model.rod("brass", [x + 0.18, y, low + 0.11], [x + 0.29, y, low + 0.09], 0.018);
  model.pillar("glass", x + 0.285, y, low, low + 0.07, 0.04, 0.012);
}

function cart(model: Model): void {
  const i = 0.6;
  const k = 2.6;
  model.brick("yellow", [i, 1.5, k], [2, 1.5, 1], false);
  for (const [di, dj, ni, nj] of [[0, 0, 2, 0.25], [0, 1.25, 2, 0.25], [0, 0.25, 0.25, 1], [1.75, 0.25, 0.25, 1]]) {
    model.brick("yellow", [i + di!, 1.5 + dj!, k + 1], [ni!, nj!, 2], false);
  }
  model.brick("blue", [i + 0.3, 1.75, k + 1], [0.7, 1, 2.6], false);
  model.stud("blue", i + 0.65, 2.25, k + 3.6);
  model.brick("orange", [i + 1, 1.75, k + 1], [0.7, 1, 1.7], false);
  model.stud("orange", i + 1.35, 2.25, k + 2.7);
  for (const [a, b] of [[0.35, -0.22], [1.65, -0.22], [0.35, 1.72], [1.65, 1.72]] as const) {
    const centre: V3 = [across(i + a), across(1.5 + b), up(1) + 0.102];
    model.add("ring", "black", centre, [0.072, 0.014, 0.012], { turn: ALONG_Y, round: 0.016 });
    model.add("disc", "red", centre, [0.05, 0, 0.012], { turn: ALONG_Y, round: 0.006 });
    model.add("disc", "brass", centre, [0.012, 0, 0.03], { turn: ALONG_Y, round: 0.006 });
  }
  for (const b of [0.2, 1.3]) {
    const y = across(1.5 + b);
    model.rod("black", [across(i + 2) - 0.02, y, up(k) + 0.02], [across(i + 2) + 0.2, y, up(k) + 0.1], 0.012);
  }
  const end = across(i + 2) + 0.2;
  model.rod("black", [end, across(1.6), up(k) + 0.1], [end, across(2.9), up(k) + 0.1], 0.014);
}

function garden(model: Model): void {
  // A tree of three cones.
  const x = across(10.3);
  const y = across(10.4);
  model.pillar("brown", x, y, up(1), up(4), 0.05);
  for (
    const [n, [low, high, radius]] of ([[0.16, 0.42, 0.22], [0.36, 0.6, 0.17], [0.54, 0.78, 0.12]] as const).entries()
  ) {
    const half = (high - low) / 2;
    model.add("cone", n === 1 ? "leaf" : "green", [x, y, up(1) + low + half], [0, 0, half], coneOf(radius, 0.03, half));
  }
  // Bricks left over.
  model.brick("yellow", [7.1, 9.6, 1], [2, 2, 3]);
  model.brick("blue", [7.1, 10.6, 4], [2, 1, 3]);
  model.brick("white", [7.1, 8.6, 1], [1, 1, 1]);
  // A fence along the front and the right, open at the path.
  const low = up(1);
  const post = (i: number, j: number) => {
    model.rod("white", [across(i), across(j), low - 0.02], [across(i), across(j), low + 0.2], 0.015);
    model.ball("red", [across(i), across(j), low + 0.215], 0.023);
  };
  const rails = (a: readonly [number, number], b: readonly [number, number]) => {
    for (const z of [0.08, 0.15]) {
      model.rod("white", [across(a[0]), across(a[1]), low + z], [across(b[0]), across(b[1]), low + z], 0.011);
    }
  };
  for (const i of [0.5, 1.5, 2.5, 5.5, 6.5, 7.5, 8.5, 9.5, 10.5, 11.5]) post(i, 0.5);
  for (const j of [1.5, 2.5, 3.5, 4.5, 5.5]) post(11.5, j);
  rails([0.5, 0.5], [2.5, 0.5]);
  rails([5.5, 0.5], [11.5, 0.5]);
  rails([11.5, 0.5], [11.5, 5.5]);
  // A lamp post, and flowers.
  const lx = across(6.5);
  const ly = across(3.5);
  model.pillar("black", lx, ly, low, low + 0.05, 0.05);
  model.rod("black", [lx, ly, low], [lx, ly, low + 0.5], 0.015);
  model.ball("lamp", [lx, ly, low + 0.55], 0.055);
  model.add("cone", "black", [lx, ly, low + 0.61], [0, 0, 0.025], coneOf(0.07, 0.015, 0.025));
  const flowers = [
    [0.5, 5.5, "yellow"],
    [0.5, 6.5, "orange"],
    [0.5, 8.5, "yellow"],
    [7.5, 5.5, "orange"],
    [
      7.5,
      10.5,
      "yellow",
    ],
    [1.5, 4.5, "orange"],
    [6.5, 4.5, "yellow"],
    [0.5, 10.5, "orange"],
  ] as const;
  for (const [i, j, name] of flowers) {
    const [fx, fy] = [across(i), across(j)];
    model.rod("leaf", [fx, fy, low], [fx, fy, low + 0.1], 0.012);
    model.add("disc", name, [fx, fy, low + 0.125], [0.026, 0, 0.004], { round: 0.012 });
    model.ball("brown", [fx, fy, low + 0.14], 0.018);
  }
}

/** Whether a part reaches outside the cube [-extent, extent]: checked on the cube's faces. */
export function reachesOutside(parts: readonly Part[], extent: number, samples = 24): boolean {
  for (let a = 0; a <= samples; a++) {
    for (let b = 0; b <= samples; b++) {
      const u = (2 * a / samples - 1) * extent;
      const v = (2 * b / samples - 1) * extent;
      for (const w of [-extent, extent]) {
        for (const [x, y, z] of [[u, v, w], [u, w, v], [w, u, v]] as const) {
          if (nearestPart(parts, x, y, z).distance <= 0) return true;
        }
      }
    }
  }
  return false;
}
