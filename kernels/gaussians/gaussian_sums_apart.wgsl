// The sums of all tiles' threads in a buffer, which gaussian_slots.wgsl adds up: no barrier, hence no second phase here.
@group(0) @binding(6) var<storage, read_write> sums: array<f32>; // [entry][sum][thread]

fn sums_at(start: u32, e: u32, lane: u32) -> u32 {
  return (start + e) * SUMS * THREADS + lane;
}

fn add_up(start: u32, count: u32, lane: u32, corner: vec2u) {}
