// Loss of rendered rays against pixels (photographs, or a teacher's views), over a background that is drawn anew for every ray
// in training: prediction = C + (1 - alpha) bg, target = premultiplied rgb + (1 - a) bg (conventions 6.1, prediction ADDED,
// target blended). Each pixel's loss is the mean over channels; sums over pixels are left to the caller. Constants: CV,
// RANDOM_BACKGROUND, BACKGROUND, SUBRAYS (rays averaged per pixel), and those of depth_term.wgsl, which takes its place below.
struct Batch { rays: u32, seed: u32, first: u32, view: u32 }
@group(0) @binding(0) var<uniform> batch: Batch;
@group(0) @binding(1) var<uniform> loss_weights: LossWeights;
@group(0) @binding(2) var<storage, read> pixels: array<u32>;
@group(0) @binding(3) var<storage, read> colours: array<u32>; // premultiplied RGBA, 8 bits each
@group(0) @binding(4) var<storage, read> rendered: array<vec4f>;
@group(0) @binding(5) var<storage, read> geometry: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> rendered_gradient: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> geometry_gradient: array<vec4f>;
// Unweighted losses: colour, squared error, opacity, depth; then share of rays with depth, length of their range; then means
// over those rays of the true and of the student's depth, each in world units and normalised.
@group(0) @binding(8) var<storage, read_write> ray_terms: array<array<vec4f, 3>>;

@compute @workgroup_size(WG) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let group = linear_index(id, groups, WG);
  let first = group * SUBRAYS;
  if (first >= batch.rays) { return; }
  var background = BACKGROUND;
  if (RANDOM_BACKGROUND) {
    background = vec3f(random_unit(batch.seed, group, 4u), random_unit(batch.seed, group, 5u), random_unit(batch.seed, group, 6u));
  }
  let pixel = pixels[first];
  let truth = unpack4x8unorm(colours[pixel]);
  var prediction = vec3f();
  var opacity = 0.0;
  for (var s = 0u; s < SUBRAYS; s++) {
    let alpha = geometry[first + s].x;
    prediction += rendered[(first + s) * CV].xyz + (1.0 - alpha) * background;
    opacity += alpha;
  }
  let r = prediction / f32(SUBRAYS) - (truth.xyz + (1.0 - truth.w) * background);
  let x = loss_pair(r.x);
  let y = loss_pair(r.y);
  let z = loss_pair(r.z);
  let a = loss_pair(opacity / f32(SUBRAYS) - truth.w);
  let g = loss_weights.colour * vec3f(x.y, y.y, z.y) / (3.0 * f32(SUBRAYS));
  let ga = loss_weights.alpha * a.y / f32(SUBRAYS);
  for (var s = 0u; s < SUBRAYS; s++) {
    let i = first + s;
    rendered_gradient[i * CV] = vec4f(g, 0.0);
    for (var c = 1u; c < CV; c++) { rendered_gradient[i * CV + c] = vec4f(); }
    geometry_gradient[i] = vec4f(ga - dot(g, background), 0.0, 0.0, 0.0);
  }
  var depth_loss = 0.0;
  var depth_valid = vec4f();
  var depths_seen = vec4f();
  DEPTH_TERM
  ray_terms[group] = array<vec4f, 3>(
    vec4f((x.x + y.x + z.x) / 3.0, dot(r, r) / 3.0, a.x, depth_loss), depth_valid, depths_seen);
}
