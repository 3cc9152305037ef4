@group(0) @binding(3) var<storage, read> table: array<V>;
@group(0) @binding(4) var<storage, read_write> features: array<V>; // [sample][level]

@compute @workgroup_size(WG) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let sample = linear_index(id, groups, WG);
  if (sample >= counts[0]) { return; }
  let level = levels[id.y];
  let cell = locate(positions[sample].xyz, level);
  var sum = V();
  for (var c = 0u; c < CORNERS; c++) {
    sum += corner_weight(cell.fraction, c) * table[entry_index(corner_of(cell.corner, c), level)];
  }
  features[sample * L + id.y] = sum;
}
