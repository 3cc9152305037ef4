// A student's samples against a teacher's (conventions 6.5): with alpha = 1 - exp(-density delta), the loss of a sample is
//   (alpha_t |c - c_t|^2 + (alpha - alpha_t)^2) / 4.
@group(0) @binding(0) var<storage, read> counts: array<u32>; // [0] samples
@group(0) @binding(1) var<storage, read> intervals: array<vec2f>; // distance, length
@group(0) @binding(2) var<storage, read> density: array<f32>;
@group(0) @binding(3) var<storage, read> values: array<vec4f>;
@group(0) @binding(4) var<storage, read> teacher_density: array<f32>;
@group(0) @binding(5) var<storage, read> teacher_values: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> density_gradient: array<f32>;
@group(0) @binding(7) var<storage, read_write> value_gradient: array<vec4f>;
@group(0) @binding(8) var<storage, read_write> loss: array<vec2f>; // shares of colour and of alpha

@compute @workgroup_size(WG) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let n = linear_index(id, groups, WG);
  if (n >= counts[0]) { return; }
  let delta = intervals[n].y;
  let rest = exp(-density[n] * delta);
  let teacher_rest = exp(-teacher_density[n] * delta);
  let missing = teacher_rest - rest;
  let weight = 1.0 - teacher_rest;
  let r = values[n].xyz - teacher_values[n].xyz;
  density_gradient[n] = 0.5 * missing * delta * rest;
  value_gradient[n] = vec4f(0.5 * weight * r, 0.0);
  loss[n] = 0.25 * vec2f(weight * dot(r, r), missing * missing);
}
