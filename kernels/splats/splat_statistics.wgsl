// What densification goes by (Kerbl et al. 2023, section 5.2): for each splat that a view shows, the length of the gradient of its
// centre in normalised device coordinates, summed, and the number of such views. Constants: WIDTH, HEIGHT.
@group(0) @binding(0) var<uniform> camera: SplatCamera;
@group(0) @binding(1) var<storage, read> spans: array<vec2u>;
@group(0) @binding(2) var<storage, read> projected_gradient: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> statistics: array<vec2f>; // [splat]: sum, views

@compute @workgroup_size(WG) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = linear_index(id, groups, WG);
  if (i >= camera.count || spans[i].y == 0u) { return; }
  let g = projected_gradient[3u * i].xy * vec2f(0.5 * f32(WIDTH), 0.5 * f32(HEIGHT));
  statistics[i] += vec2f(length(g), 1.0);
}
