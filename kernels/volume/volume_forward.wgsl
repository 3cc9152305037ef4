// Emission-absorption along each ray (conventions 6.2): alpha = 1 - exp(-sigma delta), w = T alpha.
// Constants: CV vec4 of values per sample, STOP: transmittance below which the rest of the ray is left out.
@group(0) @binding(0) var<storage, read> counts: array<u32>; // [0] samples, [3] rays
@group(0) @binding(1) var<storage, read> spans: array<vec2u>;
@group(0) @binding(2) var<storage, read> intervals: array<vec2f>; // distance, length
@group(0) @binding(3) var<storage, read> density: array<f32>;
@group(0) @binding(4) var<storage, read> values: array<vec4f>; // [sample][CV]
@group(0) @binding(5) var<storage, read_write> rendered: array<vec4f>; // [ray][CV]
@group(0) @binding(6) var<storage, read_write> geometry: array<vec4f>; // [ray]: alpha, sum w t, transmittance, samples used
@group(0) @binding(7) var<storage, read_write> weights: array<f32>; // [sample]

@compute @workgroup_size(WG) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = linear_index(id, groups, WG);
  if (i >= counts[3]) { return; }
  let span = spans[i];
  var sum: array<vec4f, CV>;
  for (var c = 0u; c < CV; c++) { sum[c] = vec4f(); }
  var transmittance = 1.0;
  var opacity = 0.0;
  var depth = 0.0;
  var used = 0u;
  for (var k = span.x; k < span.x + span.y; k++) {
    var w = 0.0;
    if (!(transmittance < STOP)) {
      let interval = intervals[k];
      let rest = exp(-density[k] * interval.y);
      w = transmittance * (1.0 - rest);
      transmittance *= rest;
      opacity += w;
      depth += w * interval.x;
      for (var c = 0u; c < CV; c++) { sum[c] += w * values[k * CV + c]; }
      used++;
    }
    weights[k] = w;
  }
  for (var c = 0u; c < CV; c++) { rendered[i * CV + c] = sum[c]; }
  geometry[i] = vec4f(opacity, depth, transmittance, f32(used));
}
