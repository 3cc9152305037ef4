// 3D Gaussians to the picture plane: EWA projection (Zwicker et al. 2001) with a low-pass filter, and colour from spherical
// harmonics (Kerbl et al. 2023). A splat that is not drawn gets opacity 0; one whose geometry is not finite becomes NaN, which
// is counted where tiles are.
@group(0) @binding(0) var<uniform> camera: SplatCamera;
@group(0) @binding(1) var<storage, read> means: array<vec4f>;
@group(0) @binding(2) var<storage, read> shapes: array<vec4f>; // ln of the standard deviations, logit of the opacity
@group(0) @binding(3) var<storage, read> rotations: array<vec4f>; // w, x, y, z of any length
@group(0) @binding(4) var<storage, read> red: array<vec4f>; // [splat][SH_VECTORS]
@group(0) @binding(5) var<storage, read> green: array<vec4f>;
@group(0) @binding(6) var<storage, read> blue: array<vec4f>;
// [splat] centre x, y (px), opacity, 0 | conic a, b, c (1/px^2), its inverse's determinant | red, green, blue, depth along the viewing axis
@group(0) @binding(7) var<storage, read_write> projected: array<vec4f>;

@compute @workgroup_size(WG) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = linear_index(id, groups, WG);
  if (i >= camera.count) { return; }
  let mean = means[i].xyz;
  let shape = shapes[i];
  let q = rotations[i];
  if (!(finite(means[i]) && finite(shape) && finite(q))) {
    for (var k = 0u; k < 3u; k++) { projected[3u * i + k] = vec4f(not_a_number(camera)); }
    return;
  }
  let p = to_camera(camera, mean);
  if (p.z <= camera.near) {
    for (var k = 0u; k < 3u; k++) { projected[3u * i + k] = vec4f(); }
    return;
  }
  let r = rotation_of(q / length(q));
  let s = exp(shape.xyz);
  let t = linearise(camera, p);
  // Rows of T R S: the Gaussian's axes seen in the picture.
  let u = vec3f(dot(t.x, r[0]), dot(t.x, r[1]), dot(t.x, r[2])) * s;
  let v = vec3f(dot(t.y, r[0]), dot(t.y, r[1]), dot(t.y, r[2])) * s;
  let a = dot(u, u) + BLUR;
  let b = dot(u, v);
  let c = dot(v, v) + BLUR;
  // a c - b b, written so that nothing cancels: of a needle that is seen from near, a c and b b are the same float.
  let across = cross(u, v);
  let determinant = BLUR * (dot(u, u) + dot(v, v) + BLUR) + dot(across, across);
  let centre = camera.focal * p.xy / p.z + camera.principal;

  let basis = active_basis(normalize(mean - camera.centre), camera.degree);
  var colour = vec3f(0.5);
  for (var k = 0u; k < SH_VECTORS; k++) {
    let at = i * SH_VECTORS + k;
    colour += vec3f(dot(basis[k], red[at]), dot(basis[k], green[at]), dot(basis[k], blue[at]));
  }
  projected[3u * i] = vec4f(centre, 1.0 / (1.0 + exp(-shape.w)), 0.0);
  projected[3u * i + 1u] = vec4f(vec3f(c, -b, a) / determinant, determinant);
  projected[3u * i + 2u] = vec4f(select(colour, vec3f(), colour < vec3f()), p.z);
}
