// Sums, minima and maxima of a batch's losses in a fixed order, into one slot of a ring, beside the sampler's counts. Means of
// depth are over rays that have any: where a pixel's share of them is 0, it takes no part in minima and maxima.
struct Batch { rays: u32, seed: u32, first: u32, view: u32 }
@group(0) @binding(0) var<uniform> batch: Batch;
@group(0) @binding(1) var<storage, read> counts: array<u32>;
@group(0) @binding(2) var<storage, read> ray_terms: array<array<vec4f, 3>>;
@group(0) @binding(3) var<storage, read_write> summary: Summary;
FEATURE_BINDING
var<workgroup> partial: array<Summary, WG>;

const MOST = 3.0e38;

@compute @workgroup_size(WG) fn main(@builtin(local_invocation_index) lane: u32) {
  let n = batch.rays / SUBRAYS;
  let each = (n + WG - 1u) / WG;
  var sum = Summary(vec4f(), vec4f(), vec4f(), vec4f(0.0, 0.0, MOST, -MOST), vec4f(), vec4f(MOST), vec4f(-MOST));
  for (var i = min(lane * each, n); i < min((lane + 1u) * each, n); i++) {
    sum.losses += ray_terms[i][0];
    FEATURE_TERM
    let depth = ray_terms[i][1];
    if (DEPTH && depth.x > 0.0) {
      let seen = ray_terms[i][2];
      let range = depth.y / depth.x;
      sum.depth = vec4f(sum.depth.xy + depth.xy, min(sum.depth.z, range), max(sum.depth.w, range));
      sum.depth_sum += seen;
      sum.depth_least = min(sum.depth_least, seen / depth.x);
      sum.depth_most = max(sum.depth_most, seen / depth.x);
    }
  }
  partial[lane] = sum;
  workgroupBarrier();
  if (lane == 0u) {
    var all = partial[0];
    for (var l = 1u; l < WG; l++) {
      let other = partial[l];
      all.losses += other.losses;
      all.features += other.features;
      all.depth = vec4f(all.depth.xy + other.depth.xy, min(all.depth.z, other.depth.z), max(all.depth.w, other.depth.w));
      all.depth_sum += other.depth_sum;
      all.depth_least = min(all.depth_least, other.depth_least);
      all.depth_most = max(all.depth_most, other.depth_most);
    }
    all.counts = vec4f(f32(counts[0]), f32(counts[1]), f32(counts[2]), f32(n));
    summary = all;
  }
}
