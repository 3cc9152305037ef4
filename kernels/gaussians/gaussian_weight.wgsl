// Weight of a Gaussian at a pixel: o (exp(-q / 2) - SUPPORT) / (1 - SUPPORT), 0 where that is negative, and its derivative by -q / 2.
// Constants: OPAQUE, SUPPORT, BLEND (0 average, 1 sum, 2 alpha, 3 top_k), COVERAGE_FLOOR, MOST_ALPHA.
struct Weight { value: f32, slope: f32 }
struct Projected { centre: vec2f, conic: vec3f, colour: vec3f, opacity: f32 }

fn projected_of(first: vec4f, second: vec4f, third: f32) -> Projected {
  return Projected(first.xy, vec3f(first.zw, second.x), second.yzw, select(third, 1.0, OPAQUE));
}

fn weight_at(d: vec2f, conic: vec3f, opacity: f32) -> Weight {
  let exact = 0.5 * (conic.x * d.x * d.x + conic.z * d.y * d.y) + conic.y * d.x * d.y;
  // Rounding can take q of a needle below 0.
  let falloff = exp(-select(exact, 0.0, exact < 0.0)) * (1.0 / (1.0 - SUPPORT));
  let value = falloff - SUPPORT / (1.0 - SUPPORT);
  if (BLEND == 2u && opacity * value > MOST_ALPHA) { return Weight(MOST_ALPHA, 0.0); }
  let reached = value > 0.0;
  return Weight(select(0.0, opacity * value, reached), select(0.0, opacity * falloff, reached));
}
