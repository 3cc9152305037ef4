// Fixed steps along each ray, kept where the occupancy grid is set (Mueller et al. 2022, section 5.4 and appendix E).
// Constants: RESOLUTION (cells per side, multiple of 4), COARSE = RESOLUTION / 4, MOST samples per ray, STEP, JITTER.
struct Batch { rays: u32, seed: u32, first: u32, view: u32 }
struct Ray { origin: vec3f, near: f32, direction: vec3f, far: f32 }
@group(0) @binding(0) var<uniform> batch: Batch;
@group(0) @binding(1) var<storage, read> rays: array<Ray>;
@group(0) @binding(2) var<storage, read> occupancy: array<u32>; // bits of the fine grid, then of the coarse one
@group(0) @binding(3) var<storage, read_write> distances: array<f32>; // [ray][MOST]
@group(0) @binding(4) var<storage, read_write> ray_counts: array<u32>;

fn bit(base: u32, index: u32) -> bool { return (occupancy[base + (index >> 5u)] & (1u << (index & 31u))) != 0u; }

// Distance along the ray (in steps of t) to the far side of the cell of a grid with `side` cells that holds unit point `p`.
fn exit_distance(p: vec3f, rate: vec3f, side: f32) -> f32 {
  let cell = floor(p * side);
  let goal = (cell + select(vec3f(0.0), vec3f(1.0), rate > vec3f())) / side;
  let t = (goal - p) / select(rate, vec3f(1e-12), abs(rate) < vec3f(1e-12));
  return max(0.0, min(min(t.x, t.y), t.z));
}

@compute @workgroup_size(WG) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = linear_index(id, groups, WG);
  if (i >= batch.rays) { return; }
  let ray = rays[i];
  let scale = 1.0 / (BOX_MAX - BOX_MIN);
  let start = (ray.origin - BOX_MIN) * scale;
  let rate = ray.direction * scale;
  var found = 0u;
  let steps = u32(max(0.0, min(ceil((ray.far - ray.near) / STEP), 60000.0)));
  var k = 0u;
  // One shift for the whole ray: samples stay evenly spaced, so that `STEP` is the exact length of each of them.
  var within = 0.5;
  if (JITTER) { within = random_unit(batch.seed, i, 7u); }
  while (k < steps && found < MOST) {
    let t = ray.near + (f32(k) + within) * STEP;
    let p = start + rate * t;
    if (t >= ray.far) { break; }
    let fine = min(vec3u(clamp(p, vec3f(), vec3f(1.0)) * f32(RESOLUTION)), vec3u(RESOLUTION - 1u));
    let coarse = fine / 4u;
    var skip = 0.0;
    if (!bit(COARSE_BASE, (coarse.z * COARSE + coarse.y) * COARSE + coarse.x)) {
      skip = exit_distance(p, rate, f32(COARSE));
    } else if (!bit(0u, (fine.z * RESOLUTION + fine.y) * RESOLUTION + fine.x)) {
      skip = exit_distance(p, rate, f32(RESOLUTION));
    } else {
      distances[i * MOST + found] = t;
      found++;
    }
    k = max(k + 1u, u32((t + skip - ray.near) / STEP));
  }
  ray_counts[i] = found;
}
