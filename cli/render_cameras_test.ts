import assert from "node:assert/strict";
import { UsageError } from "../runner/errors.ts";
import { cameraCentre, projectPoint, rayDirection } from "../scenes/camera.ts";
import type { SceneInfo } from "../scenes/scene.ts";
import { fileTest } from "../tests/permissions.ts";
import type { RenderArguments } from "./render_arguments.ts";
import { type CameraPlaces, renderCameras } from "./render_cameras.ts";
import { parseBackground, viewPicture } from "./render_pictures.ts";

const split = (views: number) => ({ views, width: 64, height: 48, hasDepth: false, hasNormal: false });
const info: SceneInfo = {
  name: "yard",
  folder: "/nowhere/yard",
  downscale: 1,
  near: 2,
  far: 6,
  aabb: { min: [-1, -1, -1], max: [1, 1, 1] },
  background: [1, 1, 1],
  splits: { train: split(4), val: split(0), test: split(2) },
};
const places: CameraPlaces = { scene: { info }, extent: { centre: [1, 2, 3], radius: 0.5 }, up: "z" };

const nothing: RenderArguments = {
  action: "render",
  run: "run",
  ...{ node: undefined, seed: undefined, camera: undefined, turntable: undefined, elevation: undefined },
  ...{ distance: undefined, fov: undefined, up: undefined, size: undefined, background: undefined },
  ...{ depth: false, subrays: undefined, out: undefined, json: false, cacheDir: undefined, runsDir: undefined },
};
const cameras = (args: Partial<RenderArguments>, at: CameraPlaces = places) =>
  renderCameras({ ...nothing, ...args }, at);

async function single(args: Partial<RenderArguments>, at?: CameraPlaces) {
  const { cameras: [first, ...more] } = await cameras(args, at);
  assert.deepEqual(more, []);
  return first!;
}

async function refuses(args: Partial<RenderArguments>, message: RegExp, at?: CameraPlaces): Promise<void> {
  await assert.rejects(cameras(args, at), (error) => {
    assert.ok(error instanceof UsageError, String(error));
    assert.match(error.message, message);
    assert.doesNotMatch(error.message, /\.$/);
    return true;
  });
}

function assertNear(got: readonly number[], want: readonly number[], tolerance = 1e-9): void {
  assert.equal(got.length, want.length);
  for (const [i, v] of want.entries()) assert.ok(Math.abs(got[i]! - v) <= tolerance, `${i}: ${got[i]} is not ${v}`);
}

Deno.test("renderCameras: orbit stands where degrees and distance say, and looks at the middle of the model", async () => {
  const { name, camera } = await single({ camera: "orbit:90,30,4" });
  assert.equal(name, "orbit_90_30_4");
  assertNear(cameraCentre(camera), [1 - 4 * Math.cos(Math.PI / 6), 2, 3 + 2]);
  const middle = projectPoint(camera, [1, 2, 3]);
  assertNear([middle.x, middle.y], [31.5, 23.5]);
  assert.deepEqual([camera.width, camera.height], [64, 48], "the size of the scene's pictures");
});

Deno.test("renderCameras: without a distance, nothing of the model is cut off, whatever the shape of the picture", async () => {
  for (const size of ["64x48", "40x100", "200"]) {
    for (const fov of [15, 40, 90]) {
      const { camera } = await single({ camera: "orbit:20,-10", size, fov });
      const centre = cameraCentre(camera), distance = Math.hypot(...centre.map((v, d) => v - [1, 2, 3][d]!));
      const ball = Math.asin(0.5 / distance), half = Math.atan(Math.min(camera.width, camera.height) / 2 / camera.fx);
      assertNear([2 * half], [fov * Math.PI / 180]);
      assert.ok(ball < half && ball > 0.8 * half, `${size}, ${fov}: the ball fills ${ball / half} of the picture`);
    }
  }
});

Deno.test("renderCameras: a turntable is named in order, starts where orbit:0 stands and goes round in equal steps", async () => {
  const { cameras: around, trained } = await cameras({ turntable: 4, elevation: -15, distance: 3, up: "-y" });
  assert.deepEqual(around.map(({ name }) => name), ["frame_000", "frame_001", "frame_002", "frame_003"]);
  assert.equal(trained, false);
  for (const [i, { camera }] of around.entries()) {
    const alone = await single({ camera: `orbit:${90 * i},-15,3`, up: "-y" });
    assertNear([...camera.cameraToWorld], [...alone.camera.cameraToWorld]);
  }
  const { cameras: usual } = await cameras({ turntable: 2 });
  assertNear([...usual[0]!.camera.cameraToWorld], [...(await single({ camera: "orbit:0,20" })).camera.cameraToWorld]);
});

fileTest(
  "renderCameras: what is not said follows from the scene, or is a picture from the side where there is none",
  async () => {
    const without: CameraPlaces = { ...places, scene: {}, up: "-y" };
    const { what, cameras: [first] } = await cameras({}, without);
    assert.equal(what, "orbit:0,20");
    assert.deepEqual([first!.camera.width, first!.camera.height], [400, 400]);
    assert.ok(cameraCentre(first!.camera)[1] < 2, "with -y up it stands at smaller y");
    await refuses(
      {},
      /^--camera test:0 needs the scene of the run, but its folder \/nowhere\/yard is not there: restore it/,
    );
    const gone: CameraPlaces = { ...places, scene: { missing: "node scene is no longer in the cache" } };
    await refuses({}, /^--camera test:0 needs the scene of the run, but node scene is no longer in the cache\. /, gone);
    await refuses({ camera: "val:0" }, /but this one has none\. --camera orbit:30,20 needs none$/, without);
  },
);

Deno.test("renderCameras refuses what it cannot read or what contradicts itself, and says what to write", async () => {
  for (
    const [args, message] of [
      [
        { camera: "front" },
        /^Expected --camera as test:0, train:0, val:0, orbit:30,20 or a \.json file.*, found front$/,
      ],
      [{ camera: "tets:0" }, /found tets:0$/],
      [{ camera: "test:-1" }, /^Expected the number of a view, such as test:0, found --camera test:-1$/],
      [{ camera: "orbit:30" }, /^Expected --camera orbit:AZIMUTH,ELEVATION or .*, found orbit:30$/],
      [{ camera: "orbit:30,,4" }, /found orbit:30,,4$/],
      [{ camera: "orbit:30,20,4,5" }, /found orbit:30,20,4,5$/],
      [{ camera: "orbit:0,90" }, /^Expected an elevation between -89 and 89 degrees, found 90$/],
      [{ camera: "orbit:0,0,0" }, /^Expected a distance above 0, found 0$/],
      [{ turntable: 3, distance: -1 }, /^Expected a distance above 0, found -1$/],
      [{ turntable: 3, camera: "test:0" }, /^Both --camera and --turntable were given: keep one/],
      [{ camera: "test:0", elevation: 3 }, /^--elevation belongs to --turntable: .* --camera orbit:30,20/],
      [{ camera: "orbit:0,0", distance: 3 }, /^--distance belongs to --turntable/],
      [{ camera: "test:0", fov: 30 }, /^--fov belongs to --turntable and --camera orbit/],
      [{ camera: "orbit:0,0", size: "3 x 4" }, /^Expected --size as .*, found 3 x 4$/],
      [{ camera: "orbit:0,0", size: "0" }, /found 0$/],
      [{ camera: "orbit:0,0", size: "9000x9000" }, /^Expected pictures of at most 67108864 pixels, found 9000 x 9000/],
    ] as [Partial<RenderArguments>, RegExp][]
  ) await refuses(args, message);
  const { camera } = await single({ camera: "orbit:0,0", size: "9000" });
  assert.deepEqual([camera.width, camera.height], [9000, 6750], "60.75 million pixels are not too many");
});

fileTest("renderCameras: cameras of a file, with a lens as an angle or in pixels, at any size", async (folder) => {
  const pose = [[1, 0, 0, 5], [0, 1, 0, 6], [0, 0, 1, 7], [0, 0, 0, 1]],
    turned = [[0, -1, 0, 1], [1, 0, 0, 2], ...pose.slice(2)];
  const write = async (name: string, content: unknown) => {
    await Deno.writeTextFile(`${folder}/${name}.json`, typeof content === "string" ? content : JSON.stringify(content));
    return `${folder}/${name}.json`;
  };
  const angle = 2 * Math.atan(0.5);
  const one = await write("one", { camera_angle_x: angle, frames: [{ transform_matrix: pose, file_path: "x" }] });
  const alone = await single({ camera: one });
  assert.equal(alone.name, "one");
  assert.deepEqual([alone.camera.width, alone.camera.height], [64, 48]);
  assertNear([alone.camera.fx, alone.camera.fy, alone.camera.cx, alone.camera.cy], [64, 64, 32, 24]);
  assert.deepEqual(cameraCentre(alone.camera), [5, 6, 7]);

  const lens = { w: 100, h: 80, fl_x: 90, fl_y: 95, cx: 40, cy: 50 };
  const two = await write("two", {
    ...lens,
    frames: [{ transform_matrix: pose }, { transform_matrix: turned, fl_x: 120 }],
  });
  const second = await single({ camera: `${two}:1`, size: "50" });
  assert.equal(second.name, "two_1");
  assert.deepEqual(cameraCentre(second.camera), [1, 2, 7]);
  const { width, height, fx, fy, cx, cy } = second.camera;
  assertNear([width, height, fx, fy, cx, cy], [50, 40, 60, 47.5, 20, 25]);
  // Another shape: what the width spans stays, and so does the direction of the middle row.
  const first = await single({ camera: `${two}:0` }), tall = await single({ camera: `${two}:0`, size: "100x200" });
  for (const x of [0, 50, 99]) assertNear(rayDirection(tall.camera, x, 99.5), rayDirection(first.camera, x, 39.5));

  await refuses({ camera: two }, /two\.json has 2 cameras: choose one, such as .*two\.json:0$/);
  await refuses({ camera: `${two}:2` }, /has 2 cameras, counted from 0: found .*:2$/);
  await refuses({ camera: `${folder}/no.json` }, /no\.json: File is missing\. To mend it, name a file with cameras$/);
  await refuses({ camera: await write("torn", "{") }, /torn\.json: Not valid JSON/);
  await refuses(
    { camera: await write("blind", { frames: [{ transform_matrix: pose }] }) },
    /Neither camera_angle_x nor fl_x/,
  );
  await refuses(
    { camera: await write("bare", { fl_x: 9, frames: [{ transform_matrix: pose }] }) },
    /whose width w is not there/,
  );
  const skew = [[2, 0, 0, 0], ...pose.slice(1)];
  await refuses(
    { camera: await write("skew", { camera_angle_x: 1, frames: [{ transform_matrix: skew }] }) },
    /skew\.json: frames\.0\.transform_matrix has a column 0 of length 2\.0/,
  );
});

Deno.test("parseBackground reads names and numbers from 0 to 1, and refuses others", () => {
  assert.deepEqual(parseBackground("white"), [1, 1, 1]);
  assert.deepEqual(parseBackground("0, 0.5,1"), [0, 0.5, 1]);
  assert.equal(parseBackground("transparent"), "transparent");
  for (const text of ["red", "255,255,255", "0,0", "0,,1", "nan,0,0"]) {
    assert.throws(() => parseBackground(text), { name: "UsageError", message: /^Expected --background as white/ });
  }
});

Deno.test("viewPicture lays colours over the background, or keeps straight alpha", () => {
  // Premultiplied: half a red over nothing, nothing, full grey, and rounding beyond 1.
  const rgba = Float32Array.of(...[0.5, 0, 0, 0.5], ...[0, 0, 0, 0], ...[0.25, 0.25, 0.25, 1], ...[1.001, 0, 0, 1]);
  const view = { rgba, depth: new Float32Array(4), samples: 0 };
  const over = viewPicture(view, 2, 2, [0, 0, 1]);
  assert.equal(over.channels, 3);
  assert.deepEqual([...over.data], [...[128, 0, 128], ...[0, 0, 255], ...[64, 64, 64], ...[255, 0, 0]]);
  const clear = viewPicture(view, 2, 2, "transparent");
  assert.equal(clear.channels, 4);
  assert.deepEqual([...clear.data], [...[255, 0, 0, 128], ...[0, 0, 0, 0], ...[64, 64, 64, 255], ...[255, 0, 0, 255]]);
});
