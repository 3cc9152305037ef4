// The sums of a tile's threads in workgroup memory, a batch at a time: see gaussian_raster_backward.wgsl, whose bindings this reads.
@group(0) @binding(6) var<storage, read_write> slots: array<vec4f>; // [slot][3]: sums of u (dx, dy, dx^2, dx dy), (u dy^2, colour), s w
var<workgroup> sums: array<f32, BATCH * SUMS * THREADS>; // [Gaussian of the batch][sum][thread]

// Place of the first sum of the e-th Gaussian of the batch that begins at the entry `start`.
fn sums_at(start: u32, e: u32, lane: u32) -> u32 {
  return e * SUMS * THREADS + lane;
}

// A thread per Gaussian adds up over the threads.
fn add_up(start: u32, count: u32, lane: u32, corner: vec2u) {
  workgroupBarrier();
  for (var e = lane; e < count; e += THREADS) {
    let slot = sorted[start + e];
    let left = f32(corner.x) + 0.5 - projected[3u * owners[slot]].x;
    var m0 = vec4f();
    var m1 = vec4f();
    var opacity = 0.0;
    for (var t = 0u; t < THREADS; t++) {
      let at = e * SUMS * THREADS + t;
      let dx = left + f32(t % TILE);
      let u = sums[at];
      let uy = sums[at + THREADS];
      m0 += vec4f(u * dx, uy, u * dx * dx, uy * dx);
      m1 += vec4f(sums[at + 2u * THREADS], sums[at + 3u * THREADS], sums[at + 4u * THREADS], sums[at + 5u * THREADS]);
      if (!OPAQUE) { opacity += sums[at + (SUMS - 1u) * THREADS]; }
    }
    slots[3u * slot] = m0;
    slots[3u * slot + 1u] = m1;
    if (!OPAQUE) { slots[3u * slot + 2u] = vec4f(opacity, 0.0, 0.0, 0.0); }
  }
  workgroupBarrier();
}
