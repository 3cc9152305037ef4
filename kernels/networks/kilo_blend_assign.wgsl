// Evaluations of each sample: its own cell's at its own index, its neighbours' behind those of all samples. Samples whose
// neighbours find no room are left with their own cell and counted.
@group(0) @binding(0) var<storage, read> counts: array<u32>; // [0] samples
@group(0) @binding(1) var<storage, read> positions: array<vec4f>;
@group(0) @binding(2) var<storage, read> cells: array<u32>;
@group(0) @binding(3) var<storage, read_write> neighbours: array<u32>;
@group(0) @binding(4) var<storage, read> neighbour_places: array<u32>;
@group(0) @binding(5) var<storage, read_write> blended: array<atomic<u32>>; // [0] evaluations, [2] samples that got no neighbours
@group(0) @binding(6) var<storage, read_write> keys: array<u32>;
@group(0) @binding(7) var<storage, read_write> order: array<u32>;
@group(0) @binding(8) var<storage, read_write> places: array<vec4f>; // local position, weight
@group(0) @binding(9) var<storage, read_write> parents: array<u32>;

@compute @workgroup_size(WG) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = linear_index(id, groups, WG);
  let samples = counts[0];
  if (i >= samples) { return; }
  let position = positions[i].xyz;
  let s = shared_by(position);
  let key = network_of(s, 0u);
  var found = neighbours[i];
  let first = neighbour_places[i];
  // The sum of places saturates, so that what is too much never looks small.
  if (found > 0u && (first > ROOM || found > ROOM - first)) {
    found = 0u;
    neighbours[i] = 0u;
    atomicAdd(&blended[2], 1u);
  }
  keys[i] = key;
  order[i] = i;
  parents[i] = i;
  var total = share_of(s, 0u);
  var at = samples + first;
  if (found > 0u) {
    for (var j = 1u; j < 8u; j++) {
      let neighbour = network_of(s, j);
      if (neighbour < NETWORKS) {
        let share = share_of(s, j);
        total += share;
        keys[at] = neighbour;
        order[at] = at;
        parents[at] = i;
        places[at] = vec4f(s.local - 2.0 * select(vec3f(), s.side, crossed(j)), share);
        at++;
      }
    }
    for (var e = samples + first; e < at; e++) { places[e].w /= total; }
  }
  let own = select(1.0, share_of(s, 0u) / total, found > 0u);
  places[i] = vec4f(s.local, select(own, no_weight(position), key == NETWORKS));
  atomicMax(&blended[0], select(samples, at, found > 0u));
}
