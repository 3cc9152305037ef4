// Forward: the colour of each pixel, summed over all waves. Constants: WG, TAU.
@group(0) @binding(0) var<uniform> counts: vec2u; // pixels, waves: read at run time, since drivers unroll constant bounds
@group(0) @binding(1) var<storage, read> positions: array<vec2f>;
@group(0) @binding(2) var<storage, read> waves: array<vec4f>; // two per wave, see waves.ts
@group(0) @binding(3) var<storage, read_write> colours: array<vec4f>; // w is 0
@compute @workgroup_size(WG) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = linear_index(id, groups, WG);
  if (i >= counts.x) { return; }
  var sum = vec3f();
  for (var k = 0u; k < counts.y; k++) {
    let turns = dot(waves[2u * k].xy, positions[i]) + waves[2u * k].z;
    sum += waves[2u * k + 1u].xyz * cos(TAU * fract(turns));
  }
  colours[i] = vec4f(sum, 0.0);
}
