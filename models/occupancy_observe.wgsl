@group(0) @binding(0) var<storage, read> counts: array<u32>;
@group(0) @binding(1) var<storage, read> positions: array<vec4f>;
@group(0) @binding(2) var<storage, read> weights: array<f32>;
@group(0) @binding(3) var<storage, read_write> seen: array<atomic<u32>>;

@compute @workgroup_size(WG) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = linear_index(id, groups, WG);
  if (i >= counts[0]) { return; }
  // Floats that are not negative order like their bits, so a maximum of bits does not depend on the order of threads.
  let w = weights[i];
  if (w > 0.0) { atomicMax(&seen[cell_of(positions[i].xyz)], bitcast<u32>(w)); }
}
