// Rounds the numbers of Gaussians to codes, straight through: see quantiser.ts for the formulas. Constants: CAPACITY, PARTIALS,
// RANGE_FLOATS, LOW, PIXEL, PIXELS, X_TOP, Y_TOP, SCALE_TOP, ANGLE, ANGLES, ANGLE_LEVELS, LUMA_TOP, CHROMA_TOP.
@group(0) @binding(0) var<storage, read> counts: array<u32>; // Gaussians, ...
@group(0) @binding(1) var<storage, read> parameters: array<vec4f>; // [Gaussian][3]
@group(0) @binding(2) var<storage, read> ranges: array<vec4f>; // low, ln step of scale; of luma, orange; of green

// Four numbers that are rounded alike: value' = low + step * code.
struct Grid { low: vec4f, step: vec4f, inverse: vec4f, top: vec4f }

// x, y, ln sigma_x, ln sigma_y
fn geometry_grid(scale: vec2f) -> Grid {
  let step = exp(scale.y);
  return Grid(vec4f(LOW, LOW, scale.xx), vec4f(PIXEL, PIXEL, step, step), vec4f(PIXELS, PIXELS, vec2f(1.0 / step)),
    vec4f(X_TOP, Y_TOP, SCALE_TOP, SCALE_TOP));
}

// Y, Co, Cg; the fourth is padding.
fn colour_grid(first: vec2f, second: vec4f) -> Grid {
  let step = vec4f(exp(vec3f(first.y, second.yw)), 1.0);
  return Grid(vec4f(first.x, second.xz, 0.0), step, 1.0 / step, vec4f(LUMA_TOP, CHROMA_TOP, CHROMA_TOP, 0.0));
}

// By bits: a compiler may take it that floats are finite, and fold a comparison away.
fn finite_lanes(v: vec4f) -> vec4<bool> { return (bitcast<vec4u>(v) & vec4u(0x7f800000u)) != vec4u(0x7f800000u); }

// By comparisons that a NaN fails, so that it stays.
fn clamped(q: vec4f, top: vec4f) -> vec4f {
  return select(select(q, top, q > top), vec4f(), q < vec4f());
}

fn place(v: vec4f, grid: Grid) -> vec4f { return (v - grid.low) * grid.inverse; }

// What is not finite stays as it is: an end of the range would be a plausible number.
fn quantise(v: vec4f, grid: Grid) -> vec4f {
  return select(v, grid.low + grid.step * round(clamped(place(v, grid), grid.top)), finite_lanes(v));
}

fn quantise_angle(theta: f32) -> f32 {
  let code = round(theta * ANGLES);
  let wrapped = ANGLE * (code - ANGLE_LEVELS * floor(code / ANGLE_LEVELS));
  return select(theta, wrapped, finite_lanes(vec4f(theta)).x);
}

fn to_luma(c: vec4f) -> vec4f {
  let t = 0.25 * c.r + 0.25 * c.b;
  return vec4f(t + 0.5 * c.g, 0.5 * (c.r - c.b), 0.5 * c.g - t, 0.0);
}

fn from_luma(y: vec4f) -> vec4f {
  let t = y.x - y.z;
  return vec4f(t + y.y, y.x + y.z, t - y.y, 0.0);
}

@group(0) @binding(3) var<storage, read_write> quantised: array<vec4f>; // [Gaussian][3]

@compute @workgroup_size(WG) fn forward(@builtin(global_invocation_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u) {
  let i = linear_index(id, groups, WG);
  let r0 = ranges[0];
  let r1 = ranges[1];
  if (i >= min(counts[0], CAPACITY)) { return; }
  let centre = parameters[3u * i];
  let shape = parameters[3u * i + 1u];
  let geometry = quantise(vec4f(centre.xy, shape.xy), geometry_grid(r0.xy));
  let colour = quantise(to_luma(parameters[3u * i + 2u]), colour_grid(r0.zw, r1));
  quantised[3u * i] = vec4f(geometry.xy, centre.z, 0.0);
  quantised[3u * i + 1u] = vec4f(geometry.zw, quantise_angle(shape.z), 0.0);
  quantised[3u * i + 2u] = from_luma(colour);
}

// dL/dvalue and, for the number's grid, dL/dlow and dL/d(ln step).
struct Through { value: vec4f, low: vec4f, log_step: vec4f }

fn through(v: vec4f, g: vec4f, grid: Grid) -> Through {
  let q = place(v, grid);
  let outside = (q < vec4f()) | (q > grid.top);
  let error = round(clamped(q, grid.top)) - select(q, vec4f(), outside);
  let known = finite_lanes(v);
  return Through(select(v, select(g, vec4f(), outside), known), select(v, select(vec4f(), g, outside), known),
    select(v, g * grid.step * error, known));
}

@group(0) @binding(3) var<storage, read> quantised_gradient: array<vec4f>; // [Gaussian][3]
@group(0) @binding(4) var<storage, read_write> gradient: array<vec4f>; // [Gaussian][3]
@group(0) @binding(5) var<storage, read_write> partials: array<f32>; // [workgroup][RANGE_FLOATS]
var<workgroup> terms: array<f32, RANGE_FLOATS * WG>; // [lane][RANGE_FLOATS]
var<workgroup> stripes: array<f32, WG>;

@compute @workgroup_size(WG) fn backward(@builtin(global_invocation_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u, @builtin(workgroup_id) group_id: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let i = linear_index(id, groups, WG);
  let r0 = ranges[0];
  let r1 = ranges[1];
  var low = vec4f();
  var log_step = vec4f();
  if (i < min(counts[0], CAPACITY)) {
    let centre = parameters[3u * i];
    let shape = parameters[3u * i + 1u];
    let g0 = quantised_gradient[3u * i];
    let g1 = quantised_gradient[3u * i + 1u];
    let g2 = quantised_gradient[3u * i + 2u];
    let geometry = through(vec4f(centre.xy, shape.xy), vec4f(g0.xy, g1.xy), geometry_grid(r0.xy));
    // Transposes of from_luma and to_luma.
    let by_luma = vec4f(g2.r + g2.g + g2.b, g2.r - g2.b, g2.g - g2.r - g2.b, 0.0);
    let colour = through(to_luma(parameters[3u * i + 2u]), by_luma, colour_grid(r0.zw, r1));
    let t = 0.25 * colour.value.x - 0.25 * colour.value.z;
    let co = 0.5 * colour.value.y;
    gradient[3u * i] = vec4f(geometry.value.xy, g0.z, 0.0);
    gradient[3u * i + 1u] = vec4f(geometry.value.zw, select(shape.z, g1.z, finite_lanes(shape).z), 0.0);
    gradient[3u * i + 2u] = vec4f(t + co, 0.5 * (colour.value.x + colour.value.z), t - co, 0.0);
    low = vec4f(geometry.low.z + geometry.low.w, colour.low.xyz);
    log_step = vec4f(geometry.log_step.z + geometry.log_step.w, colour.log_step.xyz);
  }
  for (var k = 0u; k < 4u; k++) {
    terms[RANGE_FLOATS * lane + 2u * k] = low[k];
    terms[RANGE_FLOATS * lane + 2u * k + 1u] = log_step[k];
  }
  workgroupBarrier();
  // A thread adds up one number of every eighth Gaussian: WG is a multiple of RANGE_FLOATS.
  var stripe = 0.0;
  for (var k = lane; k < RANGE_FLOATS * WG; k += WG) { stripe += terms[k]; }
  stripes[lane] = stripe;
  workgroupBarrier();
  let group = group_id.x + group_id.z * groups.x;
  if (lane < RANGE_FLOATS && group < PARTIALS) {
    var sum = 0.0;
    for (var k = lane; k < WG; k += RANGE_FLOATS) { sum += stripes[k]; }
    partials[group * RANGE_FLOATS + lane] = sum;
  }
}

@group(0) @binding(0) var<storage, read> sums: array<f32>; // [workgroup][RANGE_FLOATS]
@group(0) @binding(1) var<storage, read_write> range_gradient: array<f32>; // [RANGE_FLOATS]

// One workgroup; a thread adds up one number of every eighth partial sum.
@compute @workgroup_size(WG) fn total(@builtin(local_invocation_index) lane: u32) {
  var sum = 0.0;
  for (var k = lane; k < PARTIALS * RANGE_FLOATS; k += WG) { sum += sums[k]; }
  stripes[lane] = sum;
  workgroupBarrier();
  if (lane < RANGE_FLOATS) {
    var all = 0.0;
    for (var k = lane; k < WG; k += RANGE_FLOATS) { all += stripes[k]; }
    range_gradient[lane] = all;
  }
}
