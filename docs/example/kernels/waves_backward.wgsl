// Backward: the gradient of each wave, summed over the pixels in their order, so that it is the same in every run.
@group(0) @binding(0) var<uniform> counts: vec2u; // pixels, waves
@group(0) @binding(1) var<storage, read> positions: array<vec2f>;
@group(0) @binding(2) var<storage, read> waves: array<vec4f>;
@group(0) @binding(3) var<storage, read> colour_gradient: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> wave_gradient: array<vec4f>;
@compute @workgroup_size(WG) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let k = linear_index(id, groups, WG);
  if (k >= counts.y) { return; }
  let wave = waves[2u * k].xyz;
  let colour = waves[2u * k + 1u].xyz;
  var place = vec3f(); // of the frequency along x and y, and of the phase
  var tint = vec3f();
  for (var i = 0u; i < counts.x; i++) {
    let angle = TAU * fract(dot(wave.xy, positions[i]) + wave.z);
    let gradient = colour_gradient[i].xyz;
    tint += gradient * cos(angle);
    place -= dot(gradient, colour) * TAU * sin(angle) * vec3f(positions[i], 1.0);
  }
  wave_gradient[2u * k] = vec4f(place, 0.0);
  wave_gradient[2u * k + 1u] = vec4f(tint, 0.0);
}
