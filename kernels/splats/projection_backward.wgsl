// dL/d(mean, ln scale, opacity logit, rotation) of the EWA projection. With K the conic, G its gradient, T = J W, V = M M^T and
// M = R S: dL/dSigma2 = -K G K, dL/dT = 2 dSigma2 T V, dL/dM = 2 T^T dSigma2 T M. Runs after the colour's backward pass, which
// leaves its part of dL/dmean in the place of the colour's gradient.
@group(0) @binding(0) var<uniform> camera: SplatCamera;
@group(0) @binding(1) var<storage, read> means: array<vec4f>;
@group(0) @binding(2) var<storage, read> shapes: array<vec4f>;
@group(0) @binding(3) var<storage, read> rotations: array<vec4f>;
@group(0) @binding(4) var<storage, read> projected: array<vec4f>;
@group(0) @binding(5) var<storage, read> projected_gradient: array<vec4f>; // as projected; the third: dL/dmean by colour, dL/ddepth
@group(0) @binding(6) var<storage, read_write> means_gradient: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> shapes_gradient: array<vec4f>;
@group(0) @binding(8) var<storage, read_write> rotations_gradient: array<vec4f>;

@compute @workgroup_size(WG) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = linear_index(id, groups, WG);
  if (i >= camera.count) { return; }
  let shape = shapes[i];
  let stored = rotations[i];
  if (!(finite(means[i]) && finite(shape) && finite(stored))) {
    means_gradient[i] = vec4f(not_a_number(camera));
    shapes_gradient[i] = vec4f(not_a_number(camera));
    rotations_gradient[i] = vec4f(not_a_number(camera));
    return;
  }
  let p = to_camera(camera, means[i].xyz);
  if (p.z <= camera.near) {
    means_gradient[i] = vec4f();
    shapes_gradient[i] = vec4f();
    rotations_gradient[i] = vec4f();
    return;
  }
  let q = stored / length(stored);
  let r = rotation_of(q);
  let s = exp(shape.xyz);
  let t = linearise(camera, p);
  let conic = projected[3u * i + 1u];
  let g0 = projected_gradient[3u * i];
  let g1 = projected_gradient[3u * i + 1u];
  let g2 = projected_gradient[3u * i + 2u];

  // m = -K G K, symmetric: x, off-diagonal, y.
  let kg0 = vec2f(conic.x * g1.x + conic.y * 0.5 * g1.y, conic.x * 0.5 * g1.y + conic.y * g1.z);
  let kg1 = vec2f(conic.y * g1.x + conic.z * 0.5 * g1.y, conic.y * 0.5 * g1.y + conic.z * g1.z);
  let m = -vec3f(dot(kg0, conic.xy), dot(kg0, conic.yz), dot(kg1, conic.yz));

  // Rows of T M, then dL/dM = 2 T^T m (T M), column by column of M.
  let ax = mat3x3f(r[0] * s.x, r[1] * s.y, r[2] * s.z);
  let u = t.x * ax;
  let v = t.y * ax;
  let du = 2.0 * (m.x * u + m.y * v);
  let dv = 2.0 * (m.y * u + m.z * v);
  let d0 = t.x * du.x + t.y * dv.x;
  let d1 = t.x * du.y + t.y * dv.y;
  let d2 = t.x * du.z + t.y * dv.z;
  let scale_gradient = vec3f(dot(d0, ax[0]), dot(d1, ax[1]), dot(d2, ax[2]));
  // dL/dT = 2 m (T M) M^T.
  let dtx = ax * du;
  let dty = ax * dv;

  // T's rows are f/z (row_x - tan_x row_2) and f/z (row_y - tan_y row_2).
  let tangents = clamped_tangents(camera, p);
  let free = vec2f(abs(p.xy / p.z) <= camera.tangent_limit);
  let f = camera.focal / p.z;
  let dtan = -f * vec2f(dot(dtx, camera.row2.xyz), dot(dty, camera.row2.xyz)) * free;
  let dmean2 = g0.xy;
  // x/z and y/z: from the centre and from the linearisation.
  let dratio = camera.focal * dmean2 + dtan;
  let dz = g2.w - dot(dratio, p.xy / p.z) / p.z - (dot(dtx, t.x) + dot(dty, t.y)) / p.z;
  let dp = vec3f(dratio / p.z, dz);
  means_gradient[i] = vec4f(dp.x * camera.row0.xyz + dp.y * camera.row1.xyz + dp.z * camera.row2.xyz + g2.xyz, 0.0);

  let opacity = projected[3u * i].z;
  shapes_gradient[i] = vec4f(scale_gradient, g0.z * opacity * (1.0 - opacity));

  let e0 = d0 * s.x;
  let e1 = d1 * s.y;
  let e2 = d2 * s.z;
  let w = q.x; let x = q.y; let y = q.z; let z = q.w;
  let dq = 2.0 * vec4f(
    x * (e1.z - e2.y) + y * (e2.x - e0.z) + z * (e0.y - e1.x),
    y * (e1.x + e0.y) + z * (e2.x + e0.z) - 2.0 * x * (e1.y + e2.z) + w * (e1.z - e2.y),
    x * (e1.x + e0.y) + z * (e2.y + e1.z) - 2.0 * y * (e0.x + e2.z) + w * (e2.x - e0.z),
    x * (e2.x + e0.z) + y * (e2.y + e1.z) - 2.0 * z * (e0.x + e1.y) + w * (e0.y - e1.x),
  );
  rotations_gradient[i] = (dq - dot(dq, q) * q) / length(stored);
}
