// Opacity of a splat at a pixel and, for the backward pass, its logarithmic derivative. Constants: MAX_ALPHA, CUTOFF, SMOOTH.
struct Alpha { value: f32, slope: f32 } // slope: dvalue / d ln(opacity exp(-q))

fn alpha_at(d: vec2f, conic: vec3f, opacity: f32) -> Alpha {
  let exact = 0.5 * (conic.x * d.x * d.x + conic.z * d.y * d.y) + conic.y * d.x * d.y;
  // Rounding can take q of a needle below 0, where it would become opaque.
  let q = select(exact, 0.0, exact < 0.0);
  let raw = opacity * exp(-q);
  // Written so that NaN is drawn, and seen.
  if (raw < CUTOFF) { return Alpha(0.0, 0.0); }
  if (SMOOTH) {
    // Rises from 0 at the cut-off to the full value at three times it, with a continuous derivative.
    let t = (raw / CUTOFF - 1.0) * 0.5;
    if (t < 1.0) {
      let s = t * t * (3.0 - 2.0 * t);
      return Alpha(raw * s, raw * (s + raw * 3.0 * t * (1.0 - t) / CUTOFF));
    }
  }
  return Alpha(select(raw, MAX_ALPHA, raw > MAX_ALPHA), select(raw, 0.0, raw > MAX_ALPHA));
}
