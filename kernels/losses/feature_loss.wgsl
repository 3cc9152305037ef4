// Rendered features s (mean over a pixel's rays) against a teacher's t along the same rays, both premultiplied sums of w f:
//   l2 = mean over channels of (s - t)^2;  cosine = 1 - s.t / (|s| |t|), only where there is a direction to match.
// Gradients are those of the weighted sum of both; vector 0 (colour) of the gradient belongs to the photometric loss.
// Constants: FV (vec4 of features per ray), SUBRAYS (rays averaged per pixel), UNKNOWN, EMPTY, RANGE, ALPHA_THRESHOLD, SHORTEST.
struct Batch { rays: u32, seed: u32, first: u32, view: u32 }
@group(0) @binding(0) var<uniform> batch: Batch;
@group(0) @binding(1) var<uniform> loss_weights: LossWeights;
@group(0) @binding(2) var<storage, read> pixels: array<u32>;
@group(0) @binding(3) var<storage, read> colours: array<u32>; // RGBA, 8 bits each; only opacity is read
@group(0) @binding(4) var<storage, read> teacher_index: array<u32>; // [pixel over all views]: UNKNOWN, EMPTY or a row
@group(0) @binding(5) var<storage, read> teacher_rows: array<u32>; // [row][FV], 4 x snorm8
@group(0) @binding(6) var<storage, read> rendered: array<vec4f>; // [ray][1 + FV]
@group(0) @binding(7) var<storage, read_write> rendered_gradient: array<vec4f>;
@group(0) @binding(8) var<storage, read_write> feature_terms: array<vec4f>; // l2, cosine, whether each of them counts

fn student(first: u32, c: u32) -> vec4f {
  var sum = vec4f();
  for (var r = 0u; r < SUBRAYS; r++) { sum += rendered[(first + r) * (1u + FV) + 1u + c]; }
  return sum / f32(SUBRAYS);
}

fn teacher(row: u32, c: u32) -> vec4f {
  if (row == EMPTY) { return vec4f(); }
  return unpack4x8snorm(teacher_rows[row * FV + c]) * RANGE;
}

fn write_gradient(first: u32, c: u32, g: vec4f) {
  for (var r = 0u; r < SUBRAYS; r++) { rendered_gradient[(first + r) * (1u + FV) + 1u + c] = g / f32(SUBRAYS); }
}

@compute @workgroup_size(WG) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let group = linear_index(id, groups, WG);
  let first = group * SUBRAYS;
  if (first >= batch.rays) { return; }
  let pixel = pixels[first];
  let row = teacher_index[pixel];
  // FV, but not as a constant: the CPU driver would unroll the loops and compile for seconds.
  let bound = FV + (batch.rays >> 31u);
  if (row == UNKNOWN) {
    for (var c = 0u; c < bound; c++) { write_gradient(first, c, vec4f()); }
    feature_terms[group] = vec4f();
    return;
  }
  var squares = 0.0;
  var st = 0.0;
  var ss = 0.0;
  var tt = 0.0;
  for (var c = 0u; c < bound; c++) {
    let s = student(first, c);
    let t = teacher(row, c);
    squares += dot(s - t, s - t);
    st += dot(s, t);
    ss += dot(s, s);
    tt += dot(t, t);
  }
  // `!(x <= y)` for the student: a NaN of its features must reach the loss.
  let opacity = unpack4x8unorm(colours[pixel]).w;
  let directed = opacity > ALPHA_THRESHOLD && sqrt(tt) > SHORTEST && !(sqrt(ss) <= SHORTEST);
  let inverse = 1.0 / (sqrt(ss) * sqrt(tt));
  let slope = 2.0 / f32(4u * FV);
  for (var c = 0u; c < bound; c++) {
    let s = student(first, c);
    let t = teacher(row, c);
    var g = loss_weights.feature_l2 * slope * (s - t);
    if (directed) { g += loss_weights.feature_cosine * inverse * (s * (st / ss) - t); }
    write_gradient(first, c, g);
  }
  feature_terms[group] = vec4f(squares / f32(4u * FV), select(0.0, 1.0 - st * inverse, directed), 1.0, select(0.0, 1.0, directed));
}
