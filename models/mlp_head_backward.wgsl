@group(0) @binding(1) var<storage, read> values: array<vec4f>;
@group(0) @binding(2) var<storage, read> value_gradient: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> colour_gradient: array<vec4f>;

@compute @workgroup_size(WG) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = linear_index(id, groups, WG);
  if (i >= counts[0]) { return; }
  let c = values[i].xyz;
  colour_gradient[i] = vec4f(value_gradient[i].xyz * c * (1.0 - c), 0.0);
}
