// dL/dcoefficients of the colour, and what the colour adds to dL/dmean through the view direction; the latter replaces the
// colour in the projected gradient.
@group(0) @binding(0) var<uniform> camera: SplatCamera;
@group(0) @binding(1) var<storage, read> means: array<vec4f>;
@group(0) @binding(2) var<storage, read> red: array<vec4f>;
@group(0) @binding(3) var<storage, read> green: array<vec4f>;
@group(0) @binding(4) var<storage, read> blue: array<vec4f>;
@group(0) @binding(5) var<storage, read> projected: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> projected_gradient: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> red_gradient: array<vec4f>;
@group(0) @binding(8) var<storage, read_write> green_gradient: array<vec4f>;
@group(0) @binding(9) var<storage, read_write> blue_gradient: array<vec4f>;

// sum of w[k] dY_k/d(x, y, z).
fn basis_gradient(d: vec3f, w: array<vec4f, 4>, degree: u32) -> vec3f {
  let x = d.x;
  let y = d.y;
  let z = d.z;
  var g = vec3f();
  if (degree > 0u) { g += SH_1 * vec3f(-w[0].w, -w[0].y, w[0].z); }
  if (degree > 1u) {
    g += SH_2_0 * (w[1].x * vec3f(y, x, 0.0) - w[1].y * vec3f(0.0, z, y) - w[1].w * vec3f(z, 0.0, x));
    g += SH_2_1 * w[1].z * vec3f(-2.0 * x, -2.0 * y, 4.0 * z);
    g += SH_2_2 * w[2].x * vec3f(2.0 * x, -2.0 * y, 0.0);
  }
  if (degree > 2u) {
    let xx = x * x;
    let yy = y * y;
    let zz = z * z;
    g += SH_3_0 * (w[2].y * vec3f(-6.0 * x * y, 3.0 * (yy - xx), 0.0) + w[3].w * vec3f(3.0 * (yy - xx), 6.0 * x * y, 0.0));
    g += SH_3_1 * w[2].z * vec3f(y * z, x * z, x * y);
    g += SH_3_2 * w[2].w * vec3f(2.0 * x * y, xx + 3.0 * yy - 4.0 * zz, -8.0 * y * z);
    g += SH_3_2 * w[3].y * vec3f(3.0 * xx + yy - 4.0 * zz, 2.0 * x * y, -8.0 * x * z);
    g += SH_3_3 * w[3].x * vec3f(-6.0 * x * z, -6.0 * y * z, 6.0 * zz - 3.0 * xx - 3.0 * yy);
    g += SH_3_4 * w[3].z * vec3f(2.0 * x * z, -2.0 * y * z, xx - yy);
  }
  return g;
}

@compute @workgroup_size(WG) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = linear_index(id, groups, WG);
  if (i >= camera.count) { return; }
  let colour = projected[3u * i + 2u].xyz;
  let given = projected_gradient[3u * i + 2u];
  let first = projected[3u * i];
  // A colour that was clamped at 0 passes nothing on; a splat that is NaN passes that on.
  let g = select(vec3f(first.x), select(given.xyz, vec3f(), colour == vec3f()), finite(first));
  if (all(g == vec3f())) {
    for (var k = 0u; k < SH_VECTORS; k++) {
      red_gradient[i * SH_VECTORS + k] = vec4f();
      green_gradient[i * SH_VECTORS + k] = vec4f();
      blue_gradient[i * SH_VECTORS + k] = vec4f();
    }
    projected_gradient[3u * i + 2u] = vec4f(vec3f(), given.w);
    return;
  }
  let ray = means[i].xyz - camera.centre;
  let distance = length(ray);
  let d = ray / distance;
  let basis = active_basis(d, camera.degree);
  var w: array<vec4f, 4>;
  for (var k = 0u; k < SH_VECTORS; k++) {
    let at = i * SH_VECTORS + k;
    w[k] = g.x * red[at] + g.y * green[at] + g.z * blue[at];
    red_gradient[at] = g.x * basis[k];
    green_gradient[at] = g.y * basis[k];
    blue_gradient[at] = g.z * basis[k];
  }
  let dd = basis_gradient(d, w, camera.degree);
  projected_gradient[3u * i + 2u] = vec4f((dd - dot(dd, d) * d) / distance, given.w);
}
