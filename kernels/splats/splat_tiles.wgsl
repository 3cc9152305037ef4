// Which tiles a projected splat may touch: those with a pixel centre where opacity exp(-q) reaches CUTOFF. Constants: TILE, WIDTH,
// HEIGHT, TILES_X, TILES_Y, CUTOFF. A little is added to the reach, so that rounding loses no pixel but of extreme needles, and
// those next to the cut-off.
struct Reach { first: vec2u, end: vec2u, limit: f32 } // tiles [first, end), largest q

fn reach_of(centre: vec3f, conic: vec4f) -> Reach { // centre x, y, opacity; conic a, b, c, determinant of its inverse
  if (!(centre.z > CUTOFF)) { return Reach(vec2u(), vec2u(), 0.0); }
  let limit = log(centre.z / CUTOFF) * 1.0001 + 0.0001;
  let half = sqrt(2.0 * limit * vec2f(conic.z, conic.x) * conic.w) + 0.01;
  let size = vec2f(f32(WIDTH), f32(HEIGHT));
  // A pixel centre lies half a pixel inside its pixel.
  let low = clamp(floor(centre.xy - half + 0.5), vec2f(), size);
  let high = clamp(ceil(centre.xy + half - 0.5), vec2f(), size);
  if (!all(high > low)) { return Reach(vec2u(), vec2u(), 0.0); }
  return Reach(vec2u(low) / TILE, (vec2u(high) + TILE - 1u) / TILE, limit);
}

// Whether q comes down to the limit somewhere among the pixel centres of a tile: q is convex, so its least value on the rectangle lies inside
// or on an edge that faces the centre.
fn touches(reach: Reach, centre: vec2f, conic: vec3f, tile: vec2u) -> bool {
  let low = vec2f(tile * TILE) + 0.5 - centre;
  let high = low + f32(TILE - 1u);
  let near = clamp(vec2f(), low, high);
  if (all(near == vec2f())) { return true; }
  let y = clamp(-conic.y / conic.z * near.x, low.y, high.y);
  let x = clamp(-conic.y / conic.x * near.y, low.x, high.x);
  let on_x = 0.5 * (conic.x * near.x * near.x + conic.z * y * y) + conic.y * near.x * y;
  let on_y = 0.5 * (conic.x * x * x + conic.z * near.y * near.y) + conic.y * x * near.y;
  let q = select(on_y, on_x, near.x != 0.0 && (near.y == 0.0 || on_x < on_y));
  return q <= reach.limit;
}
