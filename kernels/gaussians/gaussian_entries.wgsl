// One (tile, slot) pair for each tile of each Gaussian, in the order of Gaussians. One whose pairs pass the capacity, and every one
// behind it, is left out; what is free then is filled with a tile that does not exist.
@group(0) @binding(0) var<storage, read> projected: array<vec4f>;
@group(0) @binding(1) var<storage, read> tile_counts: array<u32>;
@group(0) @binding(2) var<storage, read> places: array<u32>;
@group(0) @binding(3) var<storage, read_write> tiles: array<u32>; // [slot] sort key
@group(0) @binding(4) var<storage, read_write> entries: array<u32>; // [slot] slot
@group(0) @binding(5) var<storage, read_write> owners: array<u32>; // [slot] Gaussian
@group(0) @binding(6) var<storage, read_write> spans: array<vec2u>; // [Gaussian] first slot, slots
@group(0) @binding(7) var<storage, read_write> counts: array<u32>;

@compute @workgroup_size(WG) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = linear_index(id, groups, WG);
  if (i == 0u) {
    let wanted = counts[WANTED];
    counts[USED] = min(wanted, CAPACITY);
    counts[MOST] = max(counts[MOST], wanted);
  }
  if (i >= min(counts[GAUSSIANS], MOST_GAUSSIANS)) { return; }
  let first = min(places[i], CAPACITY);
  let n = tile_counts[i];
  let fits = n <= CAPACITY - first;
  let end = select(CAPACITY, first + n, fits);
  if (n == 0u) {
    spans[i] = vec2u(first, 0u);
    return;
  }
  let centre = projected[3u * i];
  let second = projected[3u * i + 1u];
  let conic = vec4f(centre.zw, second.x, projected[3u * i + 2u].y);
  let reach = reach_of(vec3f(centre.xy, 1.0), conic);
  var at = first;
  if (fits) {
    for (var y = reach.first.y; y < reach.end.y; y++) {
      for (var x = reach.first.x; x < reach.end.x; x++) {
        // Never more than were counted, whatever the compiler made of the same formula there; fewer leave a rest, below.
        if (at < end && touches(reach, centre.xy, conic.xyz, vec2u(x, y))) {
          tiles[at] = y * TILES_X + x;
          entries[at] = at;
          owners[at] = i;
          at++;
        }
      }
    }
  }
  // Slots of the rest are in no tile's list: the backward pass does not write them, and must not read them.
  spans[i] = vec2u(first, select(0u, at - first, fits));
  for (; at < end; at++) {
    tiles[at] = TILES;
    entries[at] = at;
    owners[at] = i;
  }
}
