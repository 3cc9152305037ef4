// Where each tile's entries begin and end in the sorted list, by bisection.
struct Range { first: u32, end: u32, looked_at: u32 }
@group(0) @binding(0) var<storage, read> counts: array<u32>;
@group(0) @binding(1) var<storage, read> tiles: array<u32>;
@group(0) @binding(2) var<storage, read_write> ranges: array<Range>; // first entry, end, end of those looked at

fn first_not_below(tile: u32) -> u32 {
  var low = 0u;
  var high = counts[USED];
  while (low < high) {
    let middle = (low + high) / 2u;
    if (tiles[middle] < tile) { low = middle + 1u; } else { high = middle; }
  }
  return low;
}

@compute @workgroup_size(WG) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let tile = linear_index(id, groups, WG);
  if (tile >= TILES) { return; }
  let first = first_not_below(tile);
  let end = first_not_below(tile + 1u);
  ranges[tile] = Range(first, end, first);
}
