// Numbers of tiles in the order of depth.
@group(0) @binding(0) var<uniform> camera: SplatCamera;
@group(0) @binding(1) var<storage, read> order: array<u32>;
@group(0) @binding(2) var<storage, read> tile_counts: array<u32>;
@group(0) @binding(3) var<storage, read_write> ranked: array<u32>;

@compute @workgroup_size(WG) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let r = linear_index(id, groups, WG);
  if (r >= camera.count) { return; }
  ranked[r] = tile_counts[order[r]];
}
