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
  var sum: array<array<vec4f, V>, PX>;
  var transmittance: array<f32, PX>;
  var open: array<bool, PX>;
  for (var j = 0u; j < PX; j++) {
    for (var c = 0u; c < V; c++) { sum[j][c] = vec4f(); }
    transmittance[j] = 1.0;
    open[j] = x < WIDTH && y + j < HEIGHT;
  }
  var k = first;
  for (; k < last; k++) {
    let i = owners[sorted[k]];
    let centre = projected[3u * i];
    let conic = projected[3u * i + 1u];
    let value = projected[3u * i + 2u];
    FEATURES_LOAD
    let d = position - centre.xy;
    var any_open = false;
    for (var j = 0u; j < PX; j++) {
      let a = alpha_at(vec2f(d.x, d.y + f32(j)), conic.xyz, centre.z).value;
      let next = transmittance[j] * (1.0 - a);
      open[j] = open[j] && !(next < STOP);
      any_open = any_open || open[j];
      let w = select(0.0, transmittance[j] * a, open[j]);
      sum[j][0] += w * value;
      FEATURES_SUM
      transmittance[j] = select(transmittance[j], next, open[j]);
    }
    if (!any_open) { break; }
  }
  for (var j = 0u; j < PX; j++) {
    if (x < WIDTH && y + j < HEIGHT) {
      let pixel = (y + j) * WIDTH + x;
      for (var c = 0u; c < V; c++) { rendered[pixel * V + c] = sum[j][c]; }
      alpha[pixel] = 1.0 - transmittance[j];
    }
  }
  atomicMax(&ranges[tile].looked_at, min(k + 1u, last));
}
