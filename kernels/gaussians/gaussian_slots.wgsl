// Adds up the sums that gaussian_raster_backward.wgsl left in a buffer: a thread per (tile, Gaussian) pair. A tile has 8 threads.
@group(0) @binding(0) var<storage, read> counts: array<u32>;
@group(0) @binding(1) var<storage, read> tiles: array<u32>; // [entry]: tile
@group(0) @binding(2) var<storage, read> sorted: array<u32>; // [entry]: slot
@group(0) @binding(3) var<storage, read> owners: array<u32>; // [slot]: Gaussian
@group(0) @binding(4) var<storage, read> projected: array<vec4f>;
@group(0) @binding(5) var<storage, read> sums: array<array<mat2x4f, SUMS>>; // [entry][sum] of each thread
@group(0) @binding(6) var<storage, read_write> slots: array<vec4f>; // see gaussian_raster_backward.wgsl

fn total(m: mat2x4f) -> f32 {
  return dot(m[0] + m[1], vec4f(1.0));
}

@compute @workgroup_size(SLOT_WG) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let k = linear_index(id, groups, SLOT_WG);
  // Entries of the tile that does not exist stand at the end, and nothing was summed for them.
  if (k >= min(counts[USED], CAPACITY) || tiles[k] >= TILES) { return; }
  let slot = sorted[k];
  let left = f32(tiles[k] % TILES_X * TILE) + 0.5 - projected[3u * owners[slot]].x;
  let dx = mat2x4f(left + vec4f(0.0, 1.0, 2.0, 3.0), left + vec4f(4.0, 5.0, 6.0, 7.0));
  let u = sums[k][0];
  let uy = sums[k][1];
  let ux = mat2x4f(u[0] * dx[0], u[1] * dx[1]);
  slots[3u * slot] = vec4f(
    total(ux), total(uy), dot(ux[0], dx[0]) + dot(ux[1], dx[1]), dot(uy[0], dx[0]) + dot(uy[1], dx[1]),
  );
  slots[3u * slot + 1u] = vec4f(total(sums[k][2]), total(sums[k][3]), total(sums[k][4]), total(sums[k][5]));
  if (!OPAQUE) { slots[3u * slot + 2u] = vec4f(total(sums[k][SUMS - 1u]), 0.0, 0.0, 0.0); }
}
