// Fixed-point scatter: integer sums do not depend on order, so reruns are bit-equal on any device.
@group(0) @binding(3) var<storage, read> feature_gradient: array<V>; // [sample][level]
@group(0) @binding(4) var<storage, read_write> table_gradient: array<atomic<i32>>;
@group(0) @binding(5) var<storage, read> fixed_point: array<f32>; // [0]: units per 1.0
@group(0) @binding(6) var<storage, read_write> saturated: array<atomic<u32>>;

@compute @workgroup_size(WG) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let sample = linear_index(id, groups, WG);
  if (sample >= counts[0]) { return; }
  let scaled = feature_gradient[sample * L + id.y] * fixed_point[0];
  let g = clamp(scaled, V(-CONTRIBUTION_LIMIT), V(CONTRIBUTION_LIMIT));
  // Not `!=`: it is false for NaN here, which would then be scattered as the lower limit and never be counted.
  if (!all(g == scaled)) { atomicAdd(&saturated[0], 1u); }
  if (is_zero(g)) { return; }
  let level = levels[id.y];
  let cell = locate(positions[sample].xyz, level);
  for (var c = 0u; c < CORNERS; c++) {
    let entry = entry_index(corner_of(cell.corner, c), level) * F;
    let units = to_units(g * corner_weight(cell.fraction, c));
    for (var f = 0u; f < F; f++) { atomicAdd(&table_gradient[entry + f], component(units, f)); }
  }
}
