// From a network's raw outputs to density and colour. Density is exp(raw), the argument of its gradient clamped to +-15
// (conventions 6.4); colour is a sigmoid. select instead of min and clamp, which would turn NaN into a plausible density.
fn density_of(raw: f32) -> f32 { return exp(select(raw, 15.0, raw > 15.0)); }
fn density_slope(raw: f32) -> f32 { return exp(select(select(raw, 15.0, raw > 15.0), -15.0, raw < -15.0)); }
fn sigmoid(x: vec3f) -> vec3f { return 1.0 / (1.0 + exp(-x)); }
