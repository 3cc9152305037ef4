// Source of a blur: a plane that another pass wrote. Constants: PLANE (binding).
@group(0) @binding(PLANE) var<storage, read> plane: array<Values>; // [pixel]

fn source_at(pixel: u32) -> Values { return plane[pixel]; }
