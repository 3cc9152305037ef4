// Gradient of the mean loss over all channels: colours become their own gradient. Links with LOSS_WGSL. Constants: WG.
@group(0) @binding(0) var<uniform> counts: vec2u; // pixels, waves
@group(0) @binding(1) var<storage, read> targets: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> colours: array<vec4f>;
@compute @workgroup_size(WG) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = linear_index(id, groups, WG);
  if (i >= counts.x) { return; }
  let r = colours[i] - targets[i];
  let slopes = vec3f(loss_pair(r.x).y, loss_pair(r.y).y, loss_pair(r.z).y);
  colours[i] = vec4f(slopes / f32(3u * counts.x), 0.0);
}
