// What the forward and the backward pass of the projection share. Constants: BLUR (px^2).
fn rotation_of(q: vec4f) -> mat3x3f { // columns; q = w, x, y, z of length 1
  let w = q.x; let x = q.y; let y = q.z; let z = q.w;
  return mat3x3f(
    vec3f(1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y + w * z), 2.0 * (x * z - w * y)),
    vec3f(2.0 * (x * y - w * z), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z + w * x)),
    vec3f(2.0 * (x * z + w * y), 2.0 * (y * z - w * x), 1.0 - 2.0 * (x * x + y * y)),
  );
}

fn to_camera(c: SplatCamera, p: vec3f) -> vec3f {
  return vec3f(dot(c.row0.xyz, p) + c.row0.w, dot(c.row1.xyz, p) + c.row1.w, dot(c.row2.xyz, p) + c.row2.w);
}

// Rows of T = J W, the linearised projection (Zwicker et al. 2001, equation 31).
struct Linear { x: vec3f, y: vec3f }
fn linearise(c: SplatCamera, p: vec3f) -> Linear {
  let t = clamped_tangents(c, p);
  let s = c.focal / p.z;
  return Linear(s.x * (c.row0.xyz - t.x * c.row2.xyz), s.y * (c.row1.xyz - t.y * c.row2.xyz));
}

fn clamped_tangents(c: SplatCamera, p: vec3f) -> vec2f {
  let t = p.xy / p.z;
  let inside = abs(t) <= c.tangent_limit;
  return select(sign(t) * c.tangent_limit, t, inside);
}

// A NaN that no compiler can fold away.
fn not_a_number(c: SplatCamera) -> f32 { return bitcast<f32>(c.count | 0x7fc00000u); }
