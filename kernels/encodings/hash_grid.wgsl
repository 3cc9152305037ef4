// Multiresolution hash grid (Mueller et al. 2022, section 3; conventions of tiny-cuda-nn's grid.h).
// Constants: D (2 or 3), L levels, F features (1, 2, 4), CORNERS, PRIME_Y, PRIME_Z, WG.
// A level that is hashed says so by resolution 0 (its cube may not fit 32 bits).
struct Level { scale: f32, resolution: u32, entries: u32, offset: u32 }
@group(0) @binding(0) var<storage, read> counts: array<u32>;
@group(0) @binding(1) var<uniform> levels: array<Level, L>;
@group(0) @binding(2) var<storage, read> positions: array<vec4f>;

struct Cell { corner: vec3u, fraction: vec3f }

fn locate(position: vec3f, level: Level) -> Cell {
  let p = position * level.scale + 0.5;
  let corner = floor(p);
  return Cell(vec3u(vec3i(corner)), p - corner);
}

// Entry of one of the 2^D corners: dense where the level fits its table, else the coherent prime hash.
fn entry_index(corner: vec3u, level: Level) -> u32 {
  if (level.resolution == 0u) {
    var hash = corner.x ^ (corner.y * PRIME_Y);
    if (D == 3u) { hash ^= corner.z * PRIME_Z; }
    return level.offset + (hash & (level.entries - 1u));
  }
  var index = corner.x + corner.y * level.resolution;
  if (D == 3u) { index += corner.z * level.resolution * level.resolution; }
  return level.offset + index % level.entries;
}

fn corner_weight(fraction: vec3f, corner: u32) -> f32 {
  var w = select(1.0 - fraction.x, fraction.x, (corner & 1u) != 0u);
  w *= select(1.0 - fraction.y, fraction.y, (corner & 2u) != 0u);
  if (D == 3u) { w *= select(1.0 - fraction.z, fraction.z, (corner & 4u) != 0u); }
  return w;
}

fn corner_of(cell: vec3u, corner: u32) -> vec3u {
  return cell + vec3u(corner & 1u, (corner >> 1u) & 1u, (corner >> 2u) & 1u);
}
