// What every head of a field reads. Constants: RAW4 vec4 of raw outputs per sample, BASIS spherical harmonics per channel.
struct Ray { origin: vec3f, near: f32, direction: vec3f, far: f32 }
@group(0) @binding(0) var<storage, read> counts: array<u32>;
