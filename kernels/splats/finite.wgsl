// False for infinity and NaN. By bits: a compiler may take it that floats are finite, and fold a comparison away.
fn finite(v: vec4f) -> bool { return all((bitcast<vec4u>(v) & vec4u(0x7f800000u)) != vec4u(0x7f800000u)); }
