// Which cells are worth sampling: the largest rendering weight seen in each, decayed, inside the visual hull.
// Constants: RESOLUTION, CELLS, COARSE_BASE, COARSE_WORDS.
fn cell_of(p: vec3f) -> u32 {
  let c = min(vec3u(clamp(p, vec3f(), vec3f(1.0)) * f32(RESOLUTION)), vec3u(RESOLUTION - 1u));
  return (c.z * RESOLUTION + c.y) * RESOLUTION + c.x;
}
