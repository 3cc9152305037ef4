// Rays of a pinhole camera (OpenGL axes, conventions 6.1), clipped to the scene's box.
// Constants: WIDTH, HEIGHT (pixels per view), VIEWS, RANDOM (draw pixels) or all pixels of a run, JITTER, SUBRAYS, NEAR, BOX_*.
struct Camera { x: vec4f, y: vec4f, z: vec4f, pinhole: vec4f } // rows of camera-to-world; fx, fy, cx, cy
struct Batch { rays: u32, seed: u32, first: u32, view: u32 }
struct Ray { origin: vec3f, near: f32, direction: vec3f, far: f32 }
@group(0) @binding(0) var<uniform> batch: Batch;
@group(0) @binding(1) var<storage, read> cameras: array<Camera>;
@group(0) @binding(2) var<storage, read_write> rays: array<Ray>;
@group(0) @binding(3) var<storage, read_write> pixels: array<u32>; // view * WIDTH * HEIGHT + row * WIDTH + column

@compute @workgroup_size(WG) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = linear_index(id, groups, WG);
  if (i >= batch.rays) { return; }
  var pixel: u32;
  let draw = i / SUBRAYS;
  if (RANDOM) {
    // Words modulo the range: the bias is below 2^-10 for up to four million pixels.
    let view = pcg3(batch.seed, draw, 0u) % VIEWS;
    pixel = view * (WIDTH * HEIGHT) + pcg3(batch.seed, draw, 1u) % (WIDTH * HEIGHT);
  } else {
    pixel = batch.view * (WIDTH * HEIGHT) + batch.first + draw;
  }
  var offset = vec2f(0.5);
  if (JITTER) {
    offset = vec2f(random_unit(batch.seed, i, 2u), random_unit(batch.seed, i, 3u));
  } else if (SUBRAYS > 1u) {
    let side = u32(sqrt(f32(SUBRAYS)) + 0.5);
    let s = i % SUBRAYS;
    offset = (vec2f(f32(s % side), f32(s / side)) + 0.5) / f32(side);
  }
  let camera = cameras[pixel / (WIDTH * HEIGHT)];
  let within = pixel % (WIDTH * HEIGHT);
  let p = vec2f(f32(within % WIDTH), f32(within / WIDTH)) + offset;
  let local = vec3f((p.x - camera.pinhole.z) / camera.pinhole.x, -(p.y - camera.pinhole.w) / camera.pinhole.y, -1.0);
  let direction = normalize(vec3f(dot(camera.x.xyz, local), dot(camera.y.xyz, local), dot(camera.z.xyz, local)));
  let origin = vec3f(camera.x.w, camera.y.w, camera.z.w);
  // Slabs; a direction parallel to a slab gives infinities that the min and max discard.
  let inverse = 1.0 / select(direction, vec3f(1e-12), abs(direction) < vec3f(1e-12));
  let a = (BOX_MIN - origin) * inverse;
  let b = (BOX_MAX - origin) * inverse;
  let low = min(a, b);
  let high = max(a, b);
  rays[i] = Ray(origin, max(max(low.x, low.y), max(low.z, NEAR)), direction, min(min(high.x, high.y), high.z));
  pixels[i] = pixel;
}
