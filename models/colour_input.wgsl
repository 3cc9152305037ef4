// Input of the colour network: 16 spherical harmonics of the view direction, then the density network's outputs.
@group(0) @binding(1) var<storage, read> raw: array<vec4f>; // [sample][RAW4]
@group(0) @binding(2) var<storage, read> rays: array<Ray>;
@group(0) @binding(3) var<storage, read> owners: array<u32>;
@group(0) @binding(4) var<storage, read_write> colour_input: array<vec4f>; // [sample][4 + RAW4]

@compute @workgroup_size(WG) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = linear_index(id, groups, WG);
  if (i >= counts[0]) { return; }
  let b = sh_basis(rays[owners[i]].direction);
  let at = i * (4u + RAW4);
  for (var k = 0u; k < 4u; k++) { colour_input[at + k] = vec4f(b[4u * k], b[4u * k + 1u], b[4u * k + 2u], b[4u * k + 3u]); }
  for (var k = 0u; k < RAW4; k++) { colour_input[at + 4u + k] = raw[i * RAW4 + k]; }
}
