// Adds up the slots of each splat in their order, and turns the moments of u into gradients:
//   q = (a dx^2 + c dy^2) / 2 + b dx dy,  dL/dq = -u,  dL/dopacity = sum(u) / opacity.
@group(0) @binding(0) var<uniform> camera: SplatCamera;
@group(0) @binding(1) var<storage, read> spans: array<vec2u>;
@group(0) @binding(2) var<storage, read> slots: array<vec4f>;
@group(0) @binding(3) var<storage, read> projected: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> projected_gradient: array<vec4f>;
FEATURES_BINDING

@compute @workgroup_size(WG) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = linear_index(id, groups, WG);
  if (i >= camera.count) { return; }
  let span = spans[i];
  var m0 = vec4f();
  var m1 = vec2f();
  var values: array<vec4f, V>;
  for (var c = 0u; c < V; c++) { values[c] = vec4f(); }
  for (var k = span.x; k < span.x + span.y; k++) {
    let at = k * (2u + V);
    m0 += slots[at];
    m1 += slots[at + 1u].xy;
    for (var c = 0u; c < V; c++) { values[c] += slots[at + 2u + c]; }
  }
  let conic = projected[3u * i + 1u];
  let opacity = select(1.0, projected[3u * i].z, span.y > 0u);
  projected_gradient[3u * i] = vec4f(
    conic.x * m0.y + conic.y * m0.z, conic.y * m0.y + conic.z * m0.z, m0.x / opacity, 0.0,
  );
  projected_gradient[3u * i + 1u] = vec4f(-0.5 * m0.w, -m1.x, -0.5 * m1.y, 0.0);
  projected_gradient[3u * i + 2u] = values[0];
  FEATURES_STORE
}
