// Where each network's evaluations begin and end in the sorted list, and the tiles that they are evaluated in. One workgroup.
@group(0) @binding(0) var<storage, read> counts: array<u32>; // [0] evaluations
@group(0) @binding(1) var<storage, read> keys: array<u32>;
@group(0) @binding(2) var<storage, read_write> ranges: array<vec2u>; // [network] first, end
@group(0) @binding(3) var<storage, read_write> tiles: array<vec4u>; // [0]: number of tiles; then network, first, count
@group(0) @binding(4) var<storage, read_write> dispatch: array<u32>; // workgroups in x, y, z
var<workgroup> totals: array<u32, WG>;

fn first_not_below(key: u32) -> u32 {
  var low = 0u;
  var high = counts[0];
  while (low < high) {
    let middle = (low + high) / 2u;
    if (keys[middle] < key) { low = middle + 1u; } else { high = middle; }
  }
  return low;
}

@compute @workgroup_size(WG) fn main(@builtin(local_invocation_index) lane: u32) {
  let each = (NETWORKS + WG - 1u) / WG;
  let begin = min(lane * each, NETWORKS);
  let end = min(begin + each, NETWORKS);
  var own = 0u;
  var first = first_not_below(begin);
  for (var n = begin; n < end; n++) {
    let next = first_not_below(n + 1u);
    ranges[n] = vec2u(first, next);
    own += (next - first + TILE - 1u) / TILE;
    first = next;
  }
  totals[lane] = own;
  workgroupBarrier();
  var tile = 1u;
  for (var l = 0u; l < lane; l++) { tile += totals[l]; }
  for (var n = begin; n < end; n++) {
    let range = ranges[n];
    for (var at = range.x; at < range.y; at += TILE) {
      tiles[tile] = vec4u(n, at, min(TILE, range.y - at), 0u);
      tile++;
    }
  }
  if (lane == WG - 1u) {
    let all = tile - 1u;
    tiles[0] = vec4u(all, 0u, 0u, 0u);
    let z = max(1u, (all + MOST_GROUPS - 1u) / MOST_GROUPS);
    dispatch[0] = (all + z - 1u) / z;
    dispatch[1] = 1u;
    dispatch[2] = z;
  }
}
