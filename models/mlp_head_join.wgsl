// Gradient of the density network's outputs: from the colour network's input, and from the density in the first of them.
@group(0) @binding(1) var<storage, read> raw: array<vec4f>;
@group(0) @binding(2) var<storage, read> density_gradient: array<f32>;
@group(0) @binding(3) var<storage, read> colour_input_gradient: array<vec4f>; // [sample][4 + RAW4]
@group(0) @binding(4) var<storage, read_write> raw_gradient: array<vec4f>;

@compute @workgroup_size(WG) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = linear_index(id, groups, WG);
  if (i >= counts[0]) { return; }
  for (var k = 0u; k < RAW4; k++) {
    var g = colour_input_gradient[i * (4u + RAW4) + 4u + k];
    if (k == 0u) { g.x += density_gradient[i] * density_slope(raw[i * RAW4].x); }
    raw_gradient[i * RAW4 + k] = g;
  }
}
