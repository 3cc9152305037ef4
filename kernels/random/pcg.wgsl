fn pcg_hash(value: u32) -> u32 {
  let state = value * 747796405u + 2891336453u;
  let word = ((state >> ((state >> 28u) + 4u)) ^ state) * 277803737u;
  return (word >> 22u) ^ word;
}

// Counter-based: the same (stream, index, dimension) gives the same word on every device.
fn pcg3(stream: u32, index: u32, dimension: u32) -> u32 {
  return pcg_hash(pcg_hash(pcg_hash(stream) + index) + dimension);
}

fn random_unit(stream: u32, index: u32, dimension: u32) -> f32 {
  return f32(pcg3(stream, index, dimension) >> 8u) / 16777216.0;
}
