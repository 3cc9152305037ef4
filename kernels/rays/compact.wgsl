// Gathers the samples of all rays into one dense list, in ray order, so that sums over it are deterministic.
struct Batch { rays: u32, seed: u32, first: u32, view: u32 }
struct Ray { origin: vec3f, near: f32, direction: vec3f, far: f32 }
@group(0) @binding(0) var<uniform> batch: Batch;
@group(0) @binding(1) var<storage, read> rays: array<Ray>;
@group(0) @binding(2) var<storage, read> distances: array<f32>;
@group(0) @binding(3) var<storage, read> spans: array<vec2u>; // first sample, number of samples
@group(0) @binding(4) var<storage, read_write> positions: array<vec4f>; // unit cube, w unused
@group(0) @binding(5) var<storage, read_write> intervals: array<vec2f>; // distance, length
@group(0) @binding(6) var<storage, read_write> owners: array<u32>; // ray of each sample

@compute @workgroup_size(WG) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = linear_index(id, groups, WG);
  if (i >= batch.rays) { return; }
  let ray = rays[i];
  let scale = 1.0 / (BOX_MAX - BOX_MIN);
  let start = (ray.origin - BOX_MIN) * scale;
  let rate = ray.direction * scale;
  let span = spans[i];
  for (var k = 0u; k < span.y; k++) {
    let t = distances[i * MOST + k];
    let p = start + rate * t;
    // A clamp alone would turn NaN into a plausible corner of the box.
    positions[span.x + k] = vec4f(select(p, clamp(p, vec3f(), vec3f(1.0)), p == p), 0.0);
    intervals[span.x + k] = vec2f(t, STEP);
    owners[span.x + k] = i;
  }
}
