@group(0) @binding(1) var<storage, read> raw: array<f32>;
@group(0) @binding(2) var<storage, read> rays: array<Ray>;
@group(0) @binding(3) var<storage, read> owners: array<u32>;
@group(0) @binding(4) var<storage, read> values: array<vec4f>;
@group(0) @binding(5) var<storage, read> density_gradient: array<f32>;
@group(0) @binding(6) var<storage, read> value_gradient: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> raw_gradient: array<f32>;

@compute @workgroup_size(WG) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = linear_index(id, groups, WG);
  if (i >= counts[0]) { return; }
  let basis = sh_basis(rays[owners[i]].direction);
  let at = i * (RAW4 * 4u);
  let c = values[i].xyz;
  let g = value_gradient[i].xyz * c * (1.0 - c);
  raw_gradient[at] = density_gradient[i] * density_slope(raw[at]);
  for (var k = 0u; k < BASIS; k++) {
    raw_gradient[at + 1u + k] = g.x * basis[k];
    raw_gradient[at + 1u + BASIS + k] = g.y * basis[k];
    raw_gradient[at + 1u + 2u * BASIS + k] = g.z * basis[k];
  }
  for (var k = 1u + 3u * BASIS; k < RAW4 * 4u; k++) { raw_gradient[at + k] = 0.0; }
}
