struct Rule { decay: f32, threshold: f32, prune: u32, pad: u32 }
@group(0) @binding(0) var<uniform> rule: Rule;
@group(0) @binding(1) var<storage, read> smoothed: array<f32>;
@group(0) @binding(2) var<storage, read> hull: array<u32>;
@group(0) @binding(3) var<storage, read_write> bits: array<u32>;

// One word of 32 cells. A cell stays while it or a face neighbour matters, so that a surface can move by a cell per update.
@compute @workgroup_size(WG) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let word = linear_index(id, groups, WG);
  if (word * 32u >= CELLS) { return; }
  var result = hull[word];
  if (rule.prune != 0u) {
    for (var b = 0u; b < 32u; b++) {
      if ((result & (1u << b)) == 0u) { continue; }
      let i = word * 32u + b;
      let x = i % RESOLUTION;
      let y = (i / RESOLUTION) % RESOLUTION;
      let z = i / (RESOLUTION * RESOLUTION);
      var most = smoothed[i];
      if (x > 0u) { most = max(most, smoothed[i - 1u]); }
      if (x + 1u < RESOLUTION) { most = max(most, smoothed[i + 1u]); }
      if (y > 0u) { most = max(most, smoothed[i - RESOLUTION]); }
      if (y + 1u < RESOLUTION) { most = max(most, smoothed[i + RESOLUTION]); }
      if (z > 0u) { most = max(most, smoothed[i - RESOLUTION * RESOLUTION]); }
      if (z + 1u < RESOLUTION) { most = max(most, smoothed[i + RESOLUTION * RESOLUTION]); }
      if (most < rule.threshold) { result &= ~(1u << b); }
    }
  }
  bits[word] = result;
}
