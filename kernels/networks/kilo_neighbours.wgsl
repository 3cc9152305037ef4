// Cells that share a sample with its own: those across the faces that it is within BLEND (in half widths) of. Along each axis the
// own cell weighs 0.5 + d / (2 BLEND) at distance d from the face, the one across the rest; a weight is the product over axes.
struct Shared {
  cell: vec3f,
  local: vec3f,
  side: vec3f, // to the nearer face along each axis: 1 or -1
  across: vec3f, // weight of the cell across it; 0: none, or too far
}

fn shared_by(position: vec3f) -> Shared {
  let cell = cell_of(position);
  let local = local_position(position, cell);
  let side = select(vec3f(1.0), vec3f(-1.0), local < vec3f());
  let distance = 1.0 - abs(local);
  let next = cell + side;
  let near = (distance < vec3f(BLEND)) & (next >= vec3f()) & (next < GRID);
  return Shared(cell, local, side, select(vec3f(), 0.5 - distance / (2.0 * BLEND), near));
}

// The faces crossed on the way to neighbour j (0: the own cell, 7: across all three), one per axis.
fn crossed(j: u32) -> vec3<bool> { return (vec3u(j) & vec3u(1u, 2u, 4u)) != vec3u(); }

fn share_of(s: Shared, j: u32) -> f32 {
  let w = select(1.0 - s.across, s.across, crossed(j));
  return w.x * w.y * w.z;
}

// Network of neighbour j; NETWORKS when it has none or no share.
fn network_of(s: Shared, j: u32) -> u32 {
  let over = crossed(j);
  if (any(over & (s.across <= vec3f()))) { return NETWORKS; }
  return key_of(cells[index_of(s.cell + select(vec3f(), s.side, over))]);
}
