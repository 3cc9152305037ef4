// Moves each thread's run of pairs, in order (hence the sort is stable), to where the prefix sum of the bins says.
struct Digit { shift: u32, most: u32 }
@group(0) @binding(0) var<uniform> digit: Digit;
@group(0) @binding(1) var<storage, read> counts: array<u32>;
@group(0) @binding(2) var<storage, read> keys: array<u32>;
@group(0) @binding(3) var<storage, read> values: array<u32>;
@group(0) @binding(4) var<storage, read> places: array<u32>; // [digit][thread]
@group(0) @binding(5) var<storage, read_write> sorted_keys: array<u32>;
@group(0) @binding(6) var<storage, read_write> sorted_values: array<u32>;
// [digit][lane]: each lane uses its own column only, so no barrier is needed.
var<workgroup> next: array<u32, RADIX * WG>;

@compute @workgroup_size(WG) fn main(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let n = min(counts[COUNT_SLOT], CAPACITY);
  let each = run_length(n);
  let threads = (n + each - 1u) / each;
  let thread = linear_index(id, groups, WG);
  if (thread >= threads) { return; }
  for (var d = 0u; d <= digit.most; d++) { next[d * WG + lane] = places[d * threads + thread]; }
  let begin = thread * each;
  let end = min(begin + each, n);
  for (var i = begin; i < end; i++) {
    let key = keys[i];
    let column = ((key >> digit.shift) & digit.most) * WG + lane;
    let place = next[column];
    next[column] = place + 1u;
    sorted_keys[place] = key;
    sorted_values[place] = values[i];
  }
}
