// Sums a batch's losses in a fixed order into one slot of a ring, beside the sampler's counts.
struct Batch { rays: u32, seed: u32, first: u32, view: u32 }
@group(0) @binding(0) var<uniform> batch: Batch;
@group(0) @binding(1) var<storage, read> counts: array<u32>;
@group(0) @binding(2) var<storage, read> ray_loss: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> summary: array<vec4f, 2>; // sums; then samples, samples wanted, rays dropped, pixels
var<workgroup> partial: array<vec4f, WG>;

@compute @workgroup_size(WG) fn main(@builtin(local_invocation_index) lane: u32) {
  let n = batch.rays / SUBRAYS;
  let each = (n + WG - 1u) / WG;
  var sum = vec4f();
  for (var i = min(lane * each, n); i < min((lane + 1u) * each, n); i++) { sum += ray_loss[i]; }
  partial[lane] = sum;
  workgroupBarrier();
  if (lane == 0u) {
    var all = vec4f();
    for (var l = 0u; l < WG; l++) { all += partial[l]; }
    summary[0] = all;
    summary[1] = vec4f(f32(counts[0]), f32(counts[1]), f32(counts[2]), f32(n));
  }
}
