// Rows of vec4 of two buffers side by side in a third, and gradients taken apart again: written, or added to what is there.
// Constants: A, B: vec4 per row of the first and of the second. One thread per row: on the CPU driver twice as fast as one
// per vec4.
@group(0) @binding(0) var<storage, read> counts: array<u32>; // [0]: rows

// A loop's bound that the driver does not take for a constant: it would unroll the loop and compile for seconds.
fn bound(n: u32) -> u32 { return n + (counts[0] >> 31u); }

@group(0) @binding(1) var<storage, read> first: array<vec4f>; // [row][A]
@group(0) @binding(2) var<storage, read> second: array<vec4f>; // [row][B]
@group(0) @binding(3) var<storage, read_write> joined: array<vec4f>; // [row][A + B]

@compute @workgroup_size(WG) fn join(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = linear_index(id, groups, WG);
  if (i >= counts[0]) { return; }
  let a = bound(A);
  let b = bound(B);
  for (var c = 0u; c < a; c++) { joined[i * (A + B) + c] = first[i * A + c]; }
  for (var c = 0u; c < b; c++) { joined[i * (A + B) + A + c] = second[i * B + c]; }
}

@group(0) @binding(1) var<storage, read> joined_gradient: array<vec4f>; // [row][A + B]
@group(0) @binding(2) var<storage, read_write> first_gradient: array<vec4f>; // [row][A]
@group(0) @binding(3) var<storage, read_write> second_gradient: array<vec4f>; // [row][B]

@compute @workgroup_size(WG) fn split(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = linear_index(id, groups, WG);
  if (i >= counts[0]) { return; }
  let a = bound(A);
  let b = bound(B);
  for (var c = 0u; c < a; c++) { first_gradient[i * A + c] = joined_gradient[i * (A + B) + c]; }
  for (var c = 0u; c < b; c++) { second_gradient[i * B + c] = joined_gradient[i * (A + B) + A + c]; }
}

@group(0) @binding(2) var<storage, read> activation: array<vec4f>; // the second: outputs of ReLU

@compute @workgroup_size(WG) fn add_second(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = linear_index(id, groups, WG);
  if (i >= counts[0]) { return; }
  let b = bound(B);
  for (var c = 0u; c < b; c++) {
    let g = joined_gradient[i * (A + B) + A + c];
    // The comparison the other way round would turn NaN into a plausible 0.
    second_gradient[i * B + c] += select(vec4f(), g, !(activation[i * B + c] <= vec4f()));
  }
}

@compute @workgroup_size(WG) fn add_first(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = linear_index(id, groups, WG);
  if (i >= counts[0]) { return; }
  let a = bound(A);
  for (var c = 0u; c < a; c++) { first_gradient[i * A + c] += joined_gradient[i * (A + B) + c]; }
}
