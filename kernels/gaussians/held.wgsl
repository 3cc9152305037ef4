// Takes the gradient away from numbers that are held: see held.ts. Constants: WG, COUNT (vec4s).
@group(0) @binding(0) var<storage, read> free: array<vec4f>; // 1: trained, 0: held
@group(0) @binding(1) var<storage, read_write> gradient: array<vec4f>;

@compute @workgroup_size(WG) fn main(@builtin(global_invocation_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u) {
  let i = linear_index(id, groups, WG);
  if (i < COUNT) { gradient[i] *= free[i]; }
}
