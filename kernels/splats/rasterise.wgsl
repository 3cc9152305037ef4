// Front-to-back compositing of the splats of each tile: w = T alpha, T the product of (1 - alpha) before (Kerbl et al. 2023,
// equation 3). A pixel ends before the splat that would take its T below STOP. A workgroup is a tile, a thread PX pixels of one
// column: what is loaded of a splat serves them all.
// Constants: V vec4 of values per splat (colour and depth, then features), TILE, TILES_X, WIDTH, HEIGHT, STOP, PX.
struct Range { first: u32, end: u32, looked_at: atomic<u32> } // entries [first, end), end of those some pixel looked at
@group(0) @binding(0) var<storage, read_write> ranges: array<Range>; // [tile]
@group(0) @binding(1) var<storage, read> sorted: array<u32>; // [entry]: slot
@group(0) @binding(2) var<storage, read> owners: array<u32>; // [slot]: splat
@group(0) @binding(3) var<storage, read> projected: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> rendered: array<vec4f>; // [pixel][V]: sum of w v
@group(0) @binding(5) var<storage, read_write> alpha: array<f32>; // [pixel]: 1 - T
FEATURES_BINDING

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
  // EACH
  var sum_J: array<vec4f, V>;
  for (var c = 0u; c < V; c++) { sum_J[c] = vec4f(); }
  var transmittance_J = 1.0;
  var open_J = x < WIDTH && y + Ju < HEIGHT;
  // END
  var k = first;
  for (; k < last; k++) {
    let i = owners[sorted[k]];
    let centre = projected[3u * i];
    let conic = projected[3u * i + 1u];
    let value = projected[3u * i + 2u];
    FEATURES_LOAD
    let d = position - centre.xy;
    var any_open = false;
    // EACH
    {
      let a = alpha_at(vec2f(d.x, d.y + f32(Ju)), conic.xyz, centre.z).value;
      let next = transmittance_J * (1.0 - a);
      open_J = open_J && !(next < STOP);
      any_open = any_open || open_J;
      let w = select(0.0, transmittance_J * a, open_J);
      sum_J[0] += w * value;
      FEATURES_SUM
      transmittance_J = select(transmittance_J, next, open_J);
    }
    // END
    if (!any_open) { break; }
  }
  // EACH
  if (x < WIDTH && y + Ju < HEIGHT) {
    let pixel = (y + Ju) * WIDTH + x;
    for (var c = 0u; c < V; c++) { rendered[pixel * V + c] = sum_J[c]; }
    alpha[pixel] = 1.0 - transmittance_J;
  }
  // END
  atomicMax(&ranges[tile].looked_at, min(k + 1u, last));
}
