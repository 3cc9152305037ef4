// The same integer sums as hash_grid_backward.wgsl, bit for bit, without atomics: each lane owns one level and walks a run of
// samples. Few lanes are busy, which is right for a CPU driver (8-wide vectors, few cores) and nowhere else. Old CPU drivers
// end every loop after 65,535 rounds, unheard: hence runs of samples, one dispatch each.
@group(0) @binding(3) var<storage, read> feature_gradient: array<V>; // [sample][level]
@group(0) @binding(4) var<storage, read_write> table_gradient: array<U>;
@group(0) @binding(5) var<storage, read> fixed_point: array<f32>;
@group(0) @binding(6) var<storage, read_write> saturated: array<atomic<u32>>;
@group(0) @binding(7) var<uniform> run: vec4u; // first sample, one past the last

@compute @workgroup_size(8) fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= L) { return; }
  let level = levels[id.x];
  let end = min(counts[0], run.y);
  var clipped = 0u;
  for (var sample = run.x; sample < end; sample++) {
    let scaled = feature_gradient[sample * L + id.x] * fixed_point[0];
    let g = clamp(scaled, V(-CONTRIBUTION_LIMIT), V(CONTRIBUTION_LIMIT));
    clipped += u32(!all(g == scaled)); // `!=` is false for NaN
    let cell = locate(positions[sample].xyz, level);
    for (var c = 0u; c < CORNERS; c++) {
      table_gradient[entry_index(corner_of(cell.corner, c), level)] += to_units(g * corner_weight(cell.fraction, c));
    }
  }
  if (clipped > 0u) { atomicAdd(&saturated[0], clipped); }
}
