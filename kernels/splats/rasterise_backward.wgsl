// Gradients of each tile's splats, BATCH of them at a time in two phases. First every thread finds, for each splat at each of its
// pixels,
//   w = T alpha   and   u = dL/d ln(opacity exp(-q)) = dalpha/dln (T s - behind / (1 - alpha)),
// with s = dL/dw = g . v + dL/dalpha and behind = sum of w s over the splats farther away, and adds up over its pixels: moments
// of u, which give the gradients of centre, conic and opacity, and w g, that of the values. Then a thread per splat adds up over
// the threads. Every (tile, splat) pair has a slot of its own, so that no sum depends on the order of threads.
struct Range { first: u32, end: u32, looked_at: u32 }
@group(0) @binding(0) var<storage, read> ranges: array<Range>;
@group(0) @binding(1) var<storage, read> sorted: array<u32>;
@group(0) @binding(2) var<storage, read> owners: array<u32>;
@group(0) @binding(3) var<storage, read> projected: array<vec4f>;
@group(0) @binding(4) var<storage, read> rendered: array<vec4f>;
@group(0) @binding(5) var<storage, read> alpha: array<f32>;
@group(0) @binding(6) var<storage, read> rendered_gradient: array<vec4f>;
@group(0) @binding(7) var<storage, read> alpha_gradient: array<f32>;
@group(0) @binding(8) var<storage, read_write> slots: array<vec4f>; // [slot][2 + V]: sums of u (1, dx, dy, dx^2), (dx dy, dy^2, 0, 0), w g
FEATURES_BINDING

const THREADS = TILE * TILE / PX;
const SUMS = 3u + 4u * V; // u, u dy, u dy^2, w g
var<workgroup> sums: array<f32, BATCH * SUMS * THREADS>; // [splat of the batch][sum][thread]

@compute @workgroup_size(THREADS) fn main(
  @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32,
) {
  let tile = group.x + group.z * groups.x;
  if (tile >= TILES) { return; }
  let corner = vec2u(tile % TILES_X, tile / TILES_X) * TILE;
  let x = corner.x + lane % TILE;
  let y = corner.y + lane / TILE * PX;
  let position = vec2f(f32(x), f32(y)) + 0.5;
  let range = ranges[tile];
  // EACH
  var open_J = x < WIDTH && y + Ju < HEIGHT;
  let pixel_J = select(0u, (y + Ju) * WIDTH + x, open_J);
  var transmittance_J = 1.0;
  let ga_J = alpha_gradient[pixel_J];
  var behind_J = ga_J * alpha[pixel_J];
  var g_J: array<vec4f, V>;
  for (var c = 0u; c < V; c++) {
    g_J[c] = rendered_gradient[pixel_J * V + c];
    behind_J += dot(g_J[c], rendered[pixel_J * V + c]);
  }
  // END

  for (var first = range.first; first < range.end; first += BATCH) {
    let count = min(BATCH, range.end - first);
    let seen = min(count, max(range.looked_at, first) - first);
    for (var e = 0u; e < seen; e++) {
      let i = owners[sorted[first + e]];
      let centre = projected[3u * i];
      let conic = projected[3u * i + 1u];
      let value = projected[3u * i + 2u];
      FEATURES_LOAD
      let d = position - centre.xy;
      var m = vec3f();
      var values: array<vec4f, V>;
      for (var c = 0u; c < V; c++) { values[c] = vec4f(); }
      // EACH
      {
        let dy = d.y + f32(Ju);
        let a = alpha_at(vec2f(d.x, dy), conic.xyz, centre.z);
        let next = transmittance_J * (1.0 - a.value);
        open_J = open_J && !(next < STOP);
        var s = ga_J + dot(g_J[0], value);
        FEATURES_DOT
        let w = transmittance_J * a.value;
        let rest = behind_J - w * s;
        // Selected, not multiplied: a gradient that is not finite is none of the splats' that the pixel does not show.
        let counts = open_J && a.value != 0.0;
        let u = select(0.0, a.slope * (transmittance_J * s - rest / (1.0 - a.value)), counts);
        m += u * vec3f(1.0, dy, dy * dy);
        for (var c = 0u; c < V; c++) { values[c] += select(vec4f(), w * g_J[c], counts); }
        behind_J = select(behind_J, rest, counts);
        transmittance_J = select(transmittance_J, next, counts);
      }
      // END
      let at = e * SUMS * THREADS + lane;
      sums[at] = m.x;
      sums[at + THREADS] = m.y;
      sums[at + 2u * THREADS] = m.z;
      for (var c = 0u; c < V; c++) {
        for (var n = 0u; n < 4u; n++) { sums[at + (3u + 4u * c + n) * THREADS] = values[c][n]; }
      }
    }
    workgroupBarrier();
    for (var e = lane; e < count; e += THREADS) {
      let slot = sorted[first + e];
      let left = f32(corner.x) + 0.5 - projected[3u * owners[slot]].x;
      var m0 = vec4f();
      var m1 = vec4f();
      var values: array<vec4f, V>;
      for (var c = 0u; c < V; c++) { values[c] = vec4f(); }
      if (e < seen) {
        for (var t = 0u; t < THREADS; t++) {
          let at = e * SUMS * THREADS + t;
          let dx = left + f32(t % TILE);
          let u = sums[at];
          let uy = sums[at + THREADS];
          m0 += vec4f(u, u * dx, uy, u * dx * dx);
          m1 += vec4f(uy * dx, sums[at + 2u * THREADS], 0.0, 0.0);
          for (var c = 0u; c < V; c++) {
            let v = at + (3u + 4u * c) * THREADS;
            values[c] += vec4f(sums[v], sums[v + THREADS], sums[v + 2u * THREADS], sums[v + 3u * THREADS]);
          }
        }
      }
      let into = slot * (2u + V);
      slots[into] = m0;
      slots[into + 1u] = m1;
      for (var c = 0u; c < V; c++) { slots[into + 2u + c] = values[c]; }
    }
    workgroupBarrier();
  }
}
