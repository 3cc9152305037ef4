// Raw layout per sample: density, then BASIS coefficients of red, of green, of blue.
@group(0) @binding(1) var<storage, read> raw: array<f32>;
@group(0) @binding(2) var<storage, read> rays: array<Ray>;
@group(0) @binding(3) var<storage, read> owners: array<u32>;
@group(0) @binding(4) var<storage, read_write> density: array<f32>;
@group(0) @binding(5) var<storage, read_write> values: array<vec4f>;

@compute @workgroup_size(WG) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = linear_index(id, groups, WG);
  if (i >= counts[0]) { return; }
  let basis = sh_basis(rays[owners[i]].direction);
  let at = i * (RAW4 * 4u);
  var colour = vec3f();
  for (var k = 0u; k < BASIS; k++) {
    colour += basis[k] * vec3f(raw[at + 1u + k], raw[at + 1u + BASIS + k], raw[at + 1u + 2u * BASIS + k]);
  }
  density[i] = density_of(raw[at]);
  values[i] = vec4f(sigmoid(colour), 0.0);
}
