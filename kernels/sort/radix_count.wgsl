// How often each digit occurs in each thread's run of keys.
struct Digit { shift: u32, most: u32 }
@group(0) @binding(0) var<uniform> digit: Digit;
@group(0) @binding(1) var<storage, read> counts: array<u32>;
@group(0) @binding(2) var<storage, read> keys: array<u32>;
@group(0) @binding(3) var<storage, read_write> bins: array<u32>; // [digit][thread]
@group(0) @binding(4) var<storage, read_write> bin_counts: array<u32>; // [0] bins in use
// [digit][lane]: each lane uses its own column only, so no barrier is needed.
var<workgroup> own: array<u32, RADIX * WG>;

@compute @workgroup_size(WG) fn main(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let n = min(counts[COUNT_SLOT], CAPACITY);
  let each = run_length(n);
  let threads = (n + each - 1u) / each;
  let thread = linear_index(id, groups, WG);
  if (thread == 0u) { bin_counts[0] = (digit.most + 1u) * threads; }
  if (thread >= threads) { return; }
  for (var d = 0u; d <= digit.most; d++) { own[d * WG + lane] = 0u; }
  let begin = thread * each;
  let end = min(begin + each, n);
  for (var i = begin; i < end; i++) {
    own[((keys[i] >> digit.shift) & digit.most) * WG + lane] += 1u;
  }
  for (var d = 0u; d <= digit.most; d++) { bins[d * threads + thread] = own[d * WG + lane]; }
}
