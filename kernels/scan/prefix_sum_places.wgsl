// The sum before each element: that of the workgroups before, of the runs before in the workgroup, of the elements
// before in the run.
@group(0) @binding(0) var<storage, read> sums: array<u32>; // elements, GROUPS sums, THREADS sums before
@group(0) @binding(1) var<storage, read> input: array<u32>;
@group(0) @binding(2) var<storage, read_write> output: array<u32>;
@group(0) @binding(3) var<storage, read_write> total: array<u32>;
var<workgroup> totals: array<u32, WG>;

@compute @workgroup_size(WG) fn main(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let n = sums[0];
  let each = run_length(n);
  let group = id.x + id.z * groups.x;
  if (n == 0u && group == 0u && lane == 0u) { total[TOTAL_SLOT] = 0u; }
  if (group * WG * each >= n) { return; }
  var own = 0u;
  for (var g = lane; g < group; g += WG) { own = saturating_sum(own, sums[1u + g]); }
  totals[lane] = own;
  workgroupBarrier();
  var before = 0u;
  for (var l = 0u; l < WG; l++) { before = saturating_sum(before, totals[l]); }
  let thread = group * WG + lane;
  let begin = thread * each;
  let end = min(begin + each, n);
  if (begin >= end) { return; }
  before = saturating_sum(before, sums[1u + GROUPS + thread]);
  for (var i = begin; i < end; i++) {
    output[i] = before;
    before = saturating_sum(before, input[i]);
  }
  if (end == n) { total[TOTAL_SLOT] = before; }
}
