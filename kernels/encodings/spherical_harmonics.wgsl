// Real spherical harmonics of a unit direction, the constants and signs of 3D Gaussian splatting (conventions 6.3 and 6.6).
fn sh_basis(d: vec3f) -> array<f32, 16> {
  let x = d.x;
  let y = d.y;
  let z = d.z;
  let xx = x * x;
  let yy = y * y;
  let zz = z * z;
  return array<f32, 16>(
    SH_0,
    -SH_1 * y, SH_1 * z, -SH_1 * x,
    SH_2_0 * x * y, -SH_2_0 * y * z, SH_2_1 * (2.0 * zz - xx - yy), -SH_2_0 * x * z, SH_2_2 * (xx - yy),
    -SH_3_0 * y * (3.0 * xx - yy), SH_3_1 * x * y * z, -SH_3_2 * y * (4.0 * zz - xx - yy),
    SH_3_3 * z * (2.0 * zz - 3.0 * xx - 3.0 * yy), -SH_3_2 * x * (4.0 * zz - xx - yy),
    SH_3_4 * z * (xx - yy), -SH_3_0 * x * (xx - 3.0 * yy),
  );
}
