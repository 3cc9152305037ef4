// Blends the Gaussians of each tile in the order of their numbers. A workgroup is a tile, a thread PX pixels of one column: what is
// loaded of a Gaussian serves them all. Constants: TILE, TILES_X, TILES, WIDTH, HEIGHT, PX, TIE, those of gaussian_weight.wgsl.
struct Range { first: u32, end: u32, looked_at: u32 }
@group(0) @binding(0) var<storage, read> ranges: array<Range>; // [tile]
@group(0) @binding(1) var<storage, read> sorted: array<u32>; // [entry]: slot
@group(0) @binding(2) var<storage, read> owners: array<u32>; // [slot]: Gaussian
@group(0) @binding(3) var<storage, read> projected: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> picture: array<vec4f>; // [pixel] red, green, blue, coverage
THRESHOLD_BINDING

@compute @workgroup_size(TILE * TILE / PX) fn main(
  @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32,
) {
  let tile = group.x + group.z * groups.x;
  if (tile >= TILES) { return; }
  let x = tile % TILES_X * TILE + lane % TILE;
  let y = tile / TILES_X * TILE + lane / TILE * PX;
  let position = vec2f(f32(x), f32(y)) + 0.5;
  let first = ranges[tile].first;
  let last = ranges[tile].end;
  THRESHOLD_SEARCH
  // EACH
  var sum_J = vec4f();
  var transmittance_J = 1.0;
  // END
  for (var k = first; k < last; k++) {
    let i = owners[sorted[k]];
    let g = projected_of(projected[3u * i], projected[3u * i + 1u], projected[3u * i + 2u].x);
    let d = position - g.centre;
    // EACH
    {
      let w = weight_at(vec2f(d.x, d.y + f32(Ju)), g.conic, g.opacity).value;
      if (BLEND == 2u) {
        sum_J += transmittance_J * w * vec4f(g.colour, 0.0);
        transmittance_J *= 1.0 - w;
      } else {
        sum_J += THRESHOLD_SELECT * vec4f(g.colour, 1.0);
      }
    }
    // END
  }
  // EACH
  if (x < WIDTH && y + Ju < HEIGHT) {
    let pixel = (y + Ju) * WIDTH + x;
    var blended = sum_J;
    if (BLEND == 2u) { blended.w = 1.0 - transmittance_J; }
    if (BLEND == 0u || BLEND == 3u) { blended = vec4f(sum_J.xyz / (sum_J.w + COVERAGE_FLOOR), sum_J.w); }
    picture[pixel] = blended;
    THRESHOLD_STORE
  }
  // END
}
