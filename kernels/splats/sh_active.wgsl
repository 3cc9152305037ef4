// Basis values of the active degree in fours, zero above it. Constants: SH_VECTORS.
fn active_basis(d: vec3f, degree: u32) -> array<vec4f, 4> {
  let y = sh_basis(d);
  var basis: array<vec4f, 4>;
  basis[0] = select(vec4f(y[0], 0.0, 0.0, 0.0), vec4f(y[0], y[1], y[2], y[3]), degree > 0u);
  basis[1] = select(vec4f(), vec4f(y[4], y[5], y[6], y[7]), degree > 1u);
  basis[2] = select(vec4f(), vec4f(y[8], select(0.0, y[9], degree > 2u), select(0.0, y[10], degree > 2u), select(0.0, y[11], degree > 2u)), degree > 1u);
  basis[3] = select(vec4f(), vec4f(y[12], y[13], y[14], y[15]), degree > 2u);
  return basis;
}
