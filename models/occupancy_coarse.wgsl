@group(0) @binding(0) var<storage, read_write> bits: array<u32>;

// One word of 32 blocks of 4 x 4 x 4 cells: set where any cell is.
@compute @workgroup_size(WG) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let word = linear_index(id, groups, WG);
  if (word >= COARSE_WORDS) { return; }
  let side = RESOLUTION / 4u;
  var result = 0u;
  for (var b = 0u; b < 32u; b++) {
    let i = word * 32u + b;
    if (i >= side * side * side) { break; }
    let corner = vec3u(i % side, (i / side) % side, i / (side * side)) * 4u;
    for (var k = 0u; k < 16u; k++) {
      // Four cells in x share a word, since RESOLUTION is a multiple of 4 and so is the corner.
      let c = ((corner.z + k / 4u) * RESOLUTION + corner.y + k % 4u) * RESOLUTION + corner.x;
      if (((bits[c >> 5u] >> (c & 31u)) & 15u) != 0u) { result |= 1u << b; break; }
    }
  }
  bits[COARSE_BASE + word] = result;
}
