// One evaluation per sample: its network, which is the key to sort by, and its position inside the cell.
@group(0) @binding(0) var<storage, read> counts: array<u32>; // [0] samples
@group(0) @binding(1) var<storage, read> positions: array<vec4f>;
@group(0) @binding(2) var<storage, read> cells: array<u32>;
@group(0) @binding(3) var<storage, read_write> keys: array<u32>;
@group(0) @binding(4) var<storage, read_write> order: array<u32>;
@group(0) @binding(5) var<storage, read_write> places: array<vec4f>; // local position, weight

@compute @workgroup_size(WG) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = linear_index(id, groups, WG);
  if (i >= counts[0]) { return; }
  let position = positions[i].xyz;
  let cell = cell_of(position);
  let key = key_of(cells[index_of(cell)]);
  keys[i] = key;
  order[i] = i;
  places[i] = vec4f(local_position(position, cell), select(1.0, no_weight(position), key == NETWORKS));
}
