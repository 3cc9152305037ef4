// Gradients of each tile's Gaussians, BATCH of them at a time in two phases. First every thread finds, for each Gaussian at each of
// its pixels, s = dL/dw and u = dL/d(-q / 2) = s dw/d(-q / 2), and adds up over its pixels: moments of u, which give the gradients
// of centre and conic, the share times dL/dpicture, that of the colour, and s w, that of the opacity. Then a thread per Gaussian adds
// up over the threads. Every (tile, Gaussian) pair has a slot of its own, so that no sum depends on the order of threads.
// With g = dL/dpicture: sum s = g . c; average s = (g . c - g . picture) / (W + COVERAGE_FLOOR);
// alpha s = T g . c - behind / (1 - w), behind the part of g . picture that lies farther back.
struct Range { first: u32, end: u32, looked_at: u32 }
@group(0) @binding(0) var<storage, read> ranges: array<Range>;
@group(0) @binding(1) var<storage, read> sorted: array<u32>;
@group(0) @binding(2) var<storage, read> owners: array<u32>;
@group(0) @binding(3) var<storage, read> projected: array<vec4f>;
@group(0) @binding(4) var<storage, read> picture: array<vec4f>;
@group(0) @binding(5) var<storage, read> picture_gradient: array<vec4f>; // [pixel] by red, green, blue; the fourth is not read
@group(0) @binding(6) var<storage, read_write> slots: array<vec4f>; // [slot][3]: sums of u (dx, dy, dx^2, dx dy), (u dy^2, colour), s w
THRESHOLD_BINDING

const THREADS = TILE * TILE / PX;
const SUMS = select(7u, 6u, OPAQUE); // u (1, dy, dy^2), colour, s w
var<workgroup> sums: array<f32, BATCH * SUMS * THREADS>; // [Gaussian of the batch][sum][thread]

@compute @workgroup_size(THREADS) fn main(
  @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32,
) {
  let tile = group.x + group.z * groups.x;
  if (tile >= TILES) { return; }
  let corner = vec2u(tile % TILES_X, tile / TILES_X) * TILE;
  let x = corner.x + lane % TILE;
  let y = corner.y + lane / TILE * PX;
  let position = vec2f(f32(x), f32(y)) + 0.5;
  let first = ranges[tile].first;
  let last = ranges[tile].end;
  // EACH
  let inside_J = x < WIDTH && y + Ju < HEIGHT;
  let pixel_J = select(0u, (y + Ju) * WIDTH + x, inside_J);
  var g_J = select(vec3f(), picture_gradient[pixel_J].xyz, inside_J);
  let blended_J = picture[pixel_J];
  // Of averages: minus the gradient of the picture by the coverage. Of alpha: what lies behind.
  var rest_J = dot(g_J, blended_J.xyz);
  if (BLEND == 0u || BLEND == 3u) {
    let share = 1.0 / (blended_J.w + COVERAGE_FLOOR);
    g_J *= share;
    rest_J *= share;
  }
  if (BLEND == 1u) { rest_J = 0.0; }
  var transmittance_J = 1.0;
  THRESHOLD_LOAD
  // END

  for (var start = first; start < last; start += BATCH) {
    let count = min(BATCH, last - start);
    for (var e = 0u; e < count; e++) {
      let i = owners[sorted[start + e]];
      let gaussian = projected_of(projected[3u * i], projected[3u * i + 1u], projected[3u * i + 2u].x);
      let d = position - gaussian.centre;
      var m = vec3f();
      var colour = vec3f();
      var opacity = 0.0;
      // EACH
      {
        let dy = d.y + f32(Ju);
        let weight = weight_at(vec2f(d.x, dy), gaussian.conic, gaussian.opacity);
        let w = weight.value;
        var s = dot(g_J, gaussian.colour) - rest_J;
        var shown = w;
        // Selected, not multiplied: a gradient that is not finite is none of the Gaussians' that the pixel does not show.
        var counts = w > 0.0;
        if (BLEND == 2u) {
          shown = transmittance_J * w;
          let seen = dot(g_J, gaussian.colour);
          let behind = rest_J - shown * seen;
          s = transmittance_J * seen - behind / (1.0 - w);
          rest_J = select(rest_J, behind, counts);
          transmittance_J *= 1.0 - w;
        }
        THRESHOLD_COUNTS
        let u = select(0.0, s * weight.slope, counts);
        m += u * vec3f(1.0, dy, dy * dy);
        colour += select(vec3f(), shown * g_J, counts);
        if (!OPAQUE) { opacity += select(0.0, s * w, counts && weight.slope > 0.0); }
      }
      // END
      let at = e * SUMS * THREADS + lane;
      sums[at] = m.x;
      sums[at + THREADS] = m.y;
      sums[at + 2u * THREADS] = m.z;
      sums[at + 3u * THREADS] = colour.x;
      sums[at + 4u * THREADS] = colour.y;
      sums[at + 5u * THREADS] = colour.z;
      if (!OPAQUE) { sums[at + (SUMS - 1u) * THREADS] = opacity; }
    }
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
}
