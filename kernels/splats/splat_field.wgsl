// Splats as a field: density and colour of samples of rays. Along a ray every splat has an opacity, that of its 3D Gaussian where
// the ray comes nearest to its centre, alpha = min(MAX_ALPHA, o exp(-q / 2)), q the least squared Mahalanobis distance; its optical
// depth -ln(1 - alpha) is laid out along the ray around that place, and a sample takes its share of it.
// Gaussians are widened by FOOTPRINT times the distance along the ray, as the rasteriser widens them by a share of a pixel.
// Constants: MODE, BOX_MIN, BOX_MAX, RESOLUTION (cells per side of the lists), FOOTPRINT, DEGREE, SH_VECTORS, CUTOFF, MAX_ALPHA.
struct Ray { origin: vec3f, near: f32, direction: vec3f, far: f32 }
@group(0) @binding(0) var<storage, read> counts: array<u32>; // [0] samples
@group(0) @binding(1) var<storage, read> positions: array<vec4f>; // unit cube of the box
@group(0) @binding(2) var<storage, read> intervals: array<vec2f>; // distance, length
@group(0) @binding(3) var<storage, read> rays: array<Ray>;
@group(0) @binding(4) var<storage, read> owners: array<u32>;
@group(0) @binding(5) var<storage, read> lists: array<u32>; // where each cell's list begins, and the end of the last; then the lists
// [splat] centre, opacity | a11, a21, a31, a22 | a32, a33, then of the covariance A A^T, A lower triangular, the trace and the sum
// of the principal minors of order 2
@group(0) @binding(6) var<storage, read> geometry: array<vec4f>;
@group(0) @binding(7) var<storage, read> colours: array<vec2u>; // [splat][channel][SH_VECTORS], four halves each
@group(0) @binding(8) var<storage, read_write> density: array<f32>;
@group(0) @binding(9) var<storage, read_write> values: array<vec4f>; // red, green, blue, 0

// A sample, and two directions across its ray. `half`: of its length.
struct Sample { position: vec3f, along: vec3f, across: mat2x3f, blur: f32, half: f32 }
// Of a splat and a ray: opacity before it is clamped, place of the peak beyond the sample, variance along the ray.
struct Meeting { raw: f32, offset: f32, variance: f32 }

// A^T v.
fn factor(a: vec4f, b: vec2f, v: vec3f) -> vec3f {
  return vec3f(dot(a.xyz, v), a.w * v.y + b.x * v.z, b.y * v.z);
}

fn meet(s: Sample, i: u32) -> Meeting {
  let centre = geometry[3u * i];
  let a = geometry[3u * i + 1u];
  let b = geometry[3u * i + 2u];
  let v = centre.xyz - s.position;
  let x = dot(v, s.across[0]);
  let y = dot(v, s.across[1]);
  let u = factor(a, b.xy, s.across[0]);
  let w = factor(a, b.xy, s.across[1]);
  let l = factor(a, b.xy, s.along);
  let uu = dot(u, u) + s.blur;
  let ww = dot(w, w) + s.blur;
  // The determinant across the ray, the quadratic form and the regression are written so that nothing cancels: flat splats seen edge-on are needles.
  let n = cross(u, w);
  let inverse = 1.0 / (s.blur * (uu + ww - s.blur) + dot(n, n));
  let m = x * w - y * u;
  let q = (dot(m, m) + s.blur * (x * x + y * y)) * inverse;
  // Regression of the coordinate along the ray on those across it.
  let px = (s.blur * dot(u, l) - dot(n, cross(w, l))) * inverse;
  let py = (s.blur * dot(w, l) + dot(n, cross(u, l))) * inverse;
  // Determinant of the widened covariance, by its characteristic polynomial, over that across the ray.
  let volume = a.x * a.w * b.y;
  let variance = (s.blur * (s.blur * (s.blur + b.z) + b.w) + volume * volume) * inverse;
  return Meeting(centre.w * exp(-0.5 * q), dot(v, s.along) - px * x - py * y, variance);
}

// Of a standard normal variable; Abramowitz & Stegun 7.1.26, within 1e-7.
fn normal_cdf(x: f32) -> f32 {
  let z = abs(x) * 0.7071067811865476;
  let t = 1.0 / (1.0 + 0.3275911 * z);
  let series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  let tail = 0.5 * series * exp(-z * z);
  return select(tail, 1.0 - tail, x > 0.0);
}

// Share of a splat's optical depth that falls to the sample. A Gaussian ends where its opacity is below the cut-off. Written so
// that NaN is not left out.
fn share_of(m: Meeting, half: f32) -> f32 {
  if (MODE == SEGMENT) { return select(1.0, 0.0, m.offset < -half || m.offset >= half); }
  let deviation = sqrt(m.variance);
  let reach = sqrt(2.0 * log(m.raw / CUTOFF));
  if (MODE == POINT) {
    let x = m.offset / deviation;
    return select(0.3989422804014327 * exp(-0.5 * x * x) / deviation * 2.0 * half, 0.0, abs(x) > reach);
  }
  let first = (-half - m.offset) / deviation;
  let last = (half - m.offset) / deviation;
  if (first > reach || last < -reach) { return 0.0; }
  return normal_cdf(select(last, reach, last > reach)) - normal_cdf(select(first, -reach, first < -reach));
}

fn four(halves: vec2u) -> vec4f { return vec4f(unpack2x16float(halves.x), unpack2x16float(halves.y)); }

fn colour_of(i: u32, basis: array<vec4f, 4>) -> vec3f {
  var colour = vec3f(0.5);
  for (var k = 0u; k < SH_VECTORS; k++) {
    let at = 3u * i * SH_VECTORS + k;
    colour += vec3f(
      dot(basis[k], four(colours[at])),
      dot(basis[k], four(colours[at + SH_VECTORS])),
      dot(basis[k], four(colours[at + 2u * SH_VECTORS])),
    );
  }
  return select(colour, vec3f(), colour < vec3f());
}

@compute @workgroup_size(WG) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let n = linear_index(id, groups, WG);
  if (n >= counts[0]) { return; }
  let unit = positions[n].xyz;
  let interval = intervals[n];
  let along = rays[owners[n]].direction;
  if (!(finite(vec4f(unit, interval.x)) && finite(vec4f(along, interval.y)))) {
    density[n] = bitcast<f32>(counts[0] | 0x7fc00000u);
    values[n] = vec4f(bitcast<f32>(counts[0] | 0x7fc00000u));
    return;
  }
  let side = normalize(cross(along, select(vec3f(1.0, 0.0, 0.0), vec3f(0.0, 1.0, 0.0), abs(along.x) > 0.6)));
  let width = FOOTPRINT * interval.x;
  let s = Sample(
    BOX_MIN + unit * (BOX_MAX - BOX_MIN),
    along,
    mat2x3f(side, cross(along, side)),
    width * width,
    0.5 * interval.y,
  );
  let cell = min(vec3u(unit * f32(RESOLUTION)), vec3u(RESOLUTION - 1u));
  let at = (cell.z * RESOLUTION + cell.y) * RESOLUTION + cell.x;
  let end = lists[at + 1u];
  let basis = active_basis(along, DEGREE);
  var depth = 0.0;
  var colour = vec3f();
  for (var k = lists[at]; k < end; k++) {
    let i = lists[k];
    let m = meet(s, i);
    if (m.raw < CUTOFF) { continue; }
    let share = share_of(m, s.half);
    // Most splats of a list end here: their colours are never read.
    if (share == 0.0) { continue; }
    let part = -log(1.0 - select(m.raw, MAX_ALPHA, m.raw > MAX_ALPHA)) * share;
    depth += part;
    colour += part * colour_of(i, basis);
  }
  density[n] = depth / interval.y;
  values[n] = vec4f(select(colour / depth, vec3f(), depth == 0.0), 0.0);
}
