// With g_i = dL/dw_i = dL/dvalue . v_i + dL/dalpha + dL/ddepth t_i:
//   dL/dsigma_i = delta_i (T_{i+1} g_i - sum_{j > i} w_j g_j),   dL/dv_i = w_i dL/dvalue.
@group(0) @binding(0) var<storage, read> counts: array<u32>;
@group(0) @binding(1) var<storage, read> spans: array<vec2u>;
@group(0) @binding(2) var<storage, read> intervals: array<vec2f>;
@group(0) @binding(3) var<storage, read> density: array<f32>;
@group(0) @binding(4) var<storage, read> values: array<vec4f>;
@group(0) @binding(5) var<storage, read> weights: array<f32>;
@group(0) @binding(6) var<storage, read> rendered_gradient: array<vec4f>; // [ray][CV]
@group(0) @binding(7) var<storage, read> geometry_gradient: array<vec4f>; // [ray]: dL/dalpha, dL/d(sum w t)
@group(0) @binding(8) var<storage, read_write> density_gradient: array<f32>;
@group(0) @binding(9) var<storage, read_write> value_gradient: array<vec4f>;

fn weight_gradient(i: u32, k: u32) -> f32 {
  let g = geometry_gradient[i];
  var sum = g.x + g.y * intervals[k].x;
  for (var c = 0u; c < CV; c++) { sum += dot(rendered_gradient[i * CV + c], values[k * CV + c]); }
  return sum;
}

@compute @workgroup_size(WG) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = linear_index(id, groups, WG);
  if (i >= counts[3]) { return; }
  let span = spans[i];
  // Summed in the order in which it is taken away again, so that what is left behind the last sample is small.
  var behind = 0.0;
  for (var k = span.x; k < span.x + span.y; k++) { behind += weights[k] * weight_gradient(i, k); }
  var transmittance = 1.0;
  for (var k = span.x; k < span.x + span.y; k++) {
    let w = weights[k];
    var d = 0.0;
    if (!(transmittance < STOP)) {
      let interval = intervals[k];
      let g = weight_gradient(i, k);
      behind -= w * g;
      transmittance *= exp(-density[k] * interval.y);
      d = interval.y * (transmittance * g - behind);
    }
    density_gradient[k] = d;
    for (var c = 0u; c < CV; c++) { value_gradient[k * CV + c] = w * rendered_gradient[i * CV + c]; }
  }
}
