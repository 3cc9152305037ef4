// Sums of the threads' runs, prefix-summed within each workgroup, and the sum of each workgroup.
@group(0) @binding(0) var<storage, read> counts: array<u32>;
@group(0) @binding(1) var<storage, read> input: array<u32>;
@group(0) @binding(2) var<storage, read_write> sums: array<u32>; // elements, GROUPS sums, THREADS sums before
var<workgroup> totals: array<u32, WG>;

@compute @workgroup_size(WG) fn main(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let n = min(counts[COUNT_SLOT], CAPACITY);
  let each = run_length(n);
  let group = id.x + id.z * groups.x;
  if (group == 0u && lane == 0u) { sums[0] = n; }
  if (group * WG * each >= n) { return; }
  let thread = group * WG + lane;
  let begin = min(thread * each, n);
  let end = min(begin + each, n);
  var own = 0u;
  for (var i = begin; i < end; i++) { own = saturating_sum(own, input[i]); }
  totals[lane] = own;
  workgroupBarrier();
  var before = 0u;
  for (var l = 0u; l < lane; l++) { before = saturating_sum(before, totals[l]); }
  if (thread < THREADS) { sums[1u + GROUPS + thread] = before; }
  if (lane == WG - 1u) { sums[1u + group] = saturating_sum(before, own); }
}
