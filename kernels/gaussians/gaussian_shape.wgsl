// Covariance of a shape, and its derivatives. Constants: PARAMETERISATION (0 rotation_scale, 1 cholesky, 2 log_cholesky), BLUR.
struct Covariance { xx: f32, xy: f32, yy: f32, determinant: f32 } // px^2, with the blur

fn covariance_of(shape: vec3f) -> Covariance {
  if (PARAMETERISATION == 0u) {
    let large = exp(2.0 * shape.x);
    let small = exp(2.0 * shape.y);
    let c = cos(shape.z);
    let s = sin(shape.z);
    return Covariance(
      c * c * large + s * s * small + BLUR, c * s * (large - small), s * s * large + c * c * small + BLUR,
      (large + BLUR) * (small + BLUR),
    );
  }
  let l11 = select(shape.x, exp(shape.x), PARAMETERISATION == 2u);
  let l22 = select(shape.z, exp(shape.z), PARAMETERISATION == 2u);
  // A sum of squares: the difference xx yy - xy^2 would lose the digits of a needle.
  return Covariance(
    l11 * l11 + BLUR, l11 * shape.y, shape.y * shape.y + l22 * l22 + BLUR,
    l11 * l11 * l22 * l22 + BLUR * (l11 * l11 + shape.y * shape.y + l22 * l22 + BLUR),
  );
}

// dL/dshape from dL/d(xx, xy, yy), the mixed element counted once.
fn shape_gradient(shape: vec3f, g: vec3f) -> vec3f {
  if (PARAMETERISATION == 0u) {
    let large = exp(2.0 * shape.x);
    let small = exp(2.0 * shape.y);
    let c = cos(shape.z);
    let s = sin(shape.z);
    return vec3f(
      2.0 * large * (c * c * g.x + c * s * g.y + s * s * g.z),
      2.0 * small * (s * s * g.x - c * s * g.y + c * c * g.z),
      (large - small) * (2.0 * c * s * (g.z - g.x) + (c * c - s * s) * g.y),
    );
  }
  let l11 = select(shape.x, exp(shape.x), PARAMETERISATION == 2u);
  let l22 = select(shape.z, exp(shape.z), PARAMETERISATION == 2u);
  let by = vec3f(2.0 * l11 * g.x + shape.y * g.y, l11 * g.y + 2.0 * shape.y * g.z, 2.0 * l22 * g.z);
  return by * select(vec3f(1.0), vec3f(l11, 1.0, l22), PARAMETERISATION == 2u);
}
