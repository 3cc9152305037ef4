// Cells of the unit cube and positions inside them. Constants: GRID (vec3f), NETWORKS.

// Outermost cells reach outwards without end; NaN is in cell 0, so that it meets a network and shows.
fn cell_of(position: vec3f) -> vec3f {
  let cell = floor(position * GRID);
  let most = GRID - 1.0;
  return select(select(vec3f(), cell, cell > vec3f()), most, cell > most);
}

// In [-1, 1] from face to face. The upper 12 bits of the position go first: their product with GRID, less the cell, is exact,
// so that the highest octaves (2^9 times this) lose nothing to cancellation.
fn local_position(position: vec3f, cell: vec3f) -> vec3f {
  let high = trunc(position * 4096.0) / 4096.0;
  return 2.0 * ((high * GRID - cell) + (position - high) * GRID) - 1.0;
}

// NETWORKS where there is none, so that it is sorted behind all others.
fn key_of(network: u32) -> u32 { return min(network, NETWORKS); }

fn index_of(cell: vec3f) -> u32 {
  let c = vec3u(cell);
  return (c.z * u32(GRID.y) + c.y) * u32(GRID.x) + c.x;
}

// What stands for the weight of a sample in a cell without network: 0, but NaN where the position is not finite. By bits: a
// compiler may take it that floats are finite.
fn no_weight(position: vec3f) -> f32 {
  let bits = bitcast<vec3u>(position) & vec3u(0x7f800000u);
  return bitcast<f32>(select(0u, 0x7fc00000u, any(bits == vec3u(0x7f800000u))));
}
