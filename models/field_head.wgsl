// From a network's raw outputs to density and colour, and back. Density is exp(raw), its gradient's argument clamped to +-15
// (conventions 6.4); colour is a sigmoid. Constants: RAW4 vec4 of raw outputs per sample, BASIS spherical harmonics per channel.
struct Ray { origin: vec3f, near: f32, direction: vec3f, far: f32 }
@group(0) @binding(0) var<storage, read> counts: array<u32>;

// select instead of min and clamp, which would turn NaN into a plausible density.
fn density_of(raw: f32) -> f32 { return exp(select(raw, 15.0, raw > 15.0)); }
fn density_slope(raw: f32) -> f32 { return exp(select(select(raw, 15.0, raw > 15.0), -15.0, raw < -15.0)); }
fn sigmoid(x: vec3f) -> vec3f { return 1.0 / (1.0 + exp(-x)); }
