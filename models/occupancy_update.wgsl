struct Rule { decay: f32, threshold: f32, prune: u32, pad: u32 }
@group(0) @binding(0) var<uniform> rule: Rule;
@group(0) @binding(1) var<storage, read_write> seen: array<u32>;
@group(0) @binding(2) var<storage, read_write> smoothed: array<f32>;

@compute @workgroup_size(WG) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = linear_index(id, groups, WG);
  if (i >= CELLS) { return; }
  smoothed[i] = max(smoothed[i] * rule.decay, bitcast<f32>(seen[i]));
  seen[i] = 0u;
}
