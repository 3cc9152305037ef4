// Exclusive prefix sum of per-ray counts by one workgroup; rays whose samples would pass the capacity get none and are counted.
struct Batch { rays: u32, seed: u32, first: u32, view: u32 }
@group(0) @binding(0) var<uniform> batch: Batch;
@group(0) @binding(1) var<storage, read> ray_counts: array<u32>;
@group(0) @binding(2) var<storage, read_write> spans: array<vec2u>;
@group(0) @binding(3) var<storage, read_write> counts: array<u32>; // [0] samples, [1] samples wanted, [2] rays dropped, [3] rays
var<workgroup> totals: array<u32, WG>;

@compute @workgroup_size(WG) fn main(@builtin(local_invocation_index) lane: u32) {
  let n = batch.rays;
  let each = (n + WG - 1u) / WG;
  let begin = min(lane * each, n);
  let end = min(begin + each, n);
  var sum = 0u;
  for (var i = begin; i < end; i++) { sum += ray_counts[i]; }
  totals[lane] = sum;
  workgroupBarrier();
  var start = 0u;
  for (var l = 0u; l < lane; l++) { start += totals[l]; }
  workgroupBarrier();
  var dropped = 0u;
  var last = start;
  for (var i = begin; i < end; i++) {
    let c = ray_counts[i];
    let fits = start + c <= CAPACITY;
    spans[i] = vec2u(min(start, CAPACITY), select(0u, c, fits));
    dropped += u32(!fits && c > 0u); // a ray without samples loses none
    start += c;
    if (fits) { last = start; }
  }
  totals[lane] = dropped;
  workgroupBarrier();
  if (lane == WG - 1u) {
    var all = 0u;
    for (var l = 0u; l < WG; l++) { all += totals[l]; }
    counts[1] = start;
    counts[2] = all;
    counts[3] = n;
  }
  workgroupBarrier();
  // Samples used: the end of the last ray that fits. Counts only grow along the rays, so it is the largest such end.
  totals[lane] = select(0u, last, last <= CAPACITY);
  workgroupBarrier();
  if (lane == 0u) {
    var most = 0u;
    for (var l = 0u; l < WG; l++) { most = max(most, totals[l]); }
    counts[0] = most;
  }
}
