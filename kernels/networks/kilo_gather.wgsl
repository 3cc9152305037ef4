// Density and colour of each sample from its evaluation, or blended from several.
@group(0) @binding(0) var<storage, read> counts: array<u32>; // [0] samples
@group(0) @binding(1) var<storage, read> places: array<vec4f>; // [evaluation] w: weight
@group(0) @binding(2) var<storage, read> heads: array<vec4f>; // [evaluation] colour, raw density
@group(0) @binding(3) var<storage, read_write> density: array<f32>;
@group(0) @binding(4) var<storage, read_write> values: array<vec4f>;
NEIGHBOURS_BINDING

@compute @workgroup_size(WG) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = linear_index(id, groups, WG);
  if (i >= counts[0]) { return; }
  // A sample without network was not evaluated: its weight, 0 or NaN, says all.
  let weight = places[i].w;
  var sum = vec4f(weight);
  if (weight > 0.0) {
    let head = heads[i];
    sum = weight * vec4f(head.xyz, density_of(head.w));
  }
  NEIGHBOURS_SUM
  density[i] = sum.w;
  values[i] = vec4f(sum.xyz, 0.0);
}
