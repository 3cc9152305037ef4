// Gradients of each tile's Gaussians, BATCH of them at a time in two phases. First every thread finds, for each Gaussian at each of
// its pixels, s = dL/dw and u = dL/d(-q / 2) = s dw/d(-q / 2), and adds up over its pixels: moments of u, which give the gradients
// of centre and conic, the share times dL/dpicture, that of the colour, and s w, that of the opacity. Then a thread per Gaussian adds
// up over the threads: behind a barrier (gaussian_sums_together.wgsl), or in a pass of its own (gaussian_sums_apart.wgsl), as CPU
// drivers keep whatever lives across a barrier in memory. Every (tile, Gaussian) pair has a slot of its own, so that no sum depends
// on the order of threads.
// With g = dL/dpicture: sum s = g . c; average s = (g . c - g . picture) / (W + COVERAGE_FLOOR);
// alpha s = T g . c - behind / (1 - w), behind the part of g . picture that lies farther back.
struct Range { first: u32, end: u32, looked_at: u32 }
@group(0) @binding(0) var<storage, read> ranges: array<Range>;
@group(0) @binding(1) var<storage, read> sorted: array<u32>;
@group(0) @binding(2) var<storage, read> owners: array<u32>;
@group(0) @binding(3) var<storage, read> projected: array<vec4f>;
@group(0) @binding(4) var<storage, read> picture: array<vec4f>;
@group(0) @binding(5) var<storage, read> picture_gradient: array<vec4f>; // [pixel] by red, green, blue; the fourth is not read
THRESHOLD_BINDING

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
      let at = sums_at(start, e, lane);
      sums[at] = m.x;
      sums[at + THREADS] = m.y;
      sums[at + 2u * THREADS] = m.z;
      sums[at + 3u * THREADS] = colour.x;
      sums[at + 4u * THREADS] = colour.y;
      sums[at + 5u * THREADS] = colour.z;
      if (!OPAQUE) { sums[at + (SUMS - 1u) * THREADS] = opacity; }
    }
    add_up(start, count, lane, corner);
  }
}
