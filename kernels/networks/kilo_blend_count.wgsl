// How many networks besides its own cell's each sample is evaluated with.
@group(0) @binding(0) var<storage, read> counts: array<u32>; // [0] samples
@group(0) @binding(1) var<storage, read> positions: array<vec4f>;
@group(0) @binding(2) var<storage, read> cells: array<u32>;
@group(0) @binding(3) var<storage, read_write> neighbours: array<u32>;
// [0] evaluations, [1] neighbours wanted, [2] samples that got none
@group(0) @binding(4) var<storage, read_write> blended: array<u32>;

@compute @workgroup_size(WG) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = linear_index(id, groups, WG);
  if (i == 0u) {
    blended[0] = 0u;
    blended[2] = 0u;
  }
  if (i >= counts[0]) { return; }
  let s = shared_by(positions[i].xyz);
  var found = 0u;
  if (network_of(s, 0u) < NETWORKS) {
    for (var j = 1u; j < 8u; j++) { found += u32(network_of(s, j) < NETWORKS); }
  }
  neighbours[i] = found;
}
