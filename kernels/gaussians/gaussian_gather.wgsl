// Adds up the slots of each Gaussian in their order, and turns the moments of u into gradients of what is trained:
//   -q / 2 = -(a dx^2 + c dy^2) / 2 - b dx dy, and d(conic) = -conic d(covariance) conic.
// Also adds up the length of the gradient by the centre, which density control looks at.
@group(0) @binding(0) var<storage, read> counts: array<u32>;
@group(0) @binding(1) var<storage, read> values: array<vec4f>;
@group(0) @binding(2) var<storage, read> projected: array<vec4f>;
@group(0) @binding(3) var<storage, read> spans: array<vec2u>;
@group(0) @binding(4) var<storage, read> slots: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> gradient: array<vec4f>; // [Gaussian][3], laid out as the values
@group(0) @binding(6) var<storage, read_write> pulls: array<f32>; // [Gaussian] sum over steps of |dL/dcentre|, 1/px

@compute @workgroup_size(WG) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = linear_index(id, groups, WG);
  if (i >= min(counts[GAUSSIANS], MOST_GAUSSIANS)) { return; }
  let span = spans[i];
  var m0 = vec4f();
  var m1 = vec4f();
  var opacity = 0.0;
  for (var k = span.x; k < span.x + span.y; k++) {
    m0 += slots[3u * k];
    m1 += slots[3u * k + 1u];
    if (!OPAQUE) { opacity += slots[3u * k + 2u].x; }
  }
  let first = projected[3u * i];
  let a = first.z;
  let b = first.w;
  let c = projected[3u * i + 1u].x;
  let centre = vec2f(a * m0.x + b * m0.y, b * m0.x + c * m0.y);
  // G = dL/dconic as a symmetric matrix; dL/dcovariance = -conic G conic.
  let G = -0.5 * vec3f(m0.z, m0.w, m1.x);
  let left = vec4f(a * G.x + b * G.y, a * G.y + b * G.z, b * G.x + c * G.y, b * G.y + c * G.z); // conic G by rows
  let by_covariance = -vec3f(
    left.x * a + left.y * b, (left.x * b + left.y * c) + (left.z * a + left.w * b), left.z * b + left.w * c,
  );
  let used = span.y > 0u;
  let shape = shape_gradient(values[3u * i + 1u].xyz, by_covariance);
  // dw/dlogit = w (1 - o)
  let logit = select(opacity * (1.0 - projected[3u * i + 2u].x), 0.0, OPAQUE);
  gradient[3u * i] = select(vec4f(), vec4f(centre, logit, 0.0), used);
  gradient[3u * i + 1u] = select(vec4f(), vec4f(shape, 0.0), used);
  gradient[3u * i + 2u] = vec4f(m1.yzw, 0.0);
  pulls[i] += select(0.0, length(centre), used);
}
