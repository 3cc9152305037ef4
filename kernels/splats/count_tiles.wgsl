// For every projected splat: the number of tiles it may touch, and its depth as a sort key. Splats that are not finite touch no
// tile and are counted.
@group(0) @binding(0) var<uniform> camera: SplatCamera;
@group(0) @binding(1) var<storage, read> projected: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> tile_counts: array<u32>;
@group(0) @binding(3) var<storage, read_write> depths: array<u32>;
@group(0) @binding(4) var<storage, read_write> order: array<u32>;
@group(0) @binding(5) var<storage, read_write> counts: array<atomic<u32>>; // see splat_raster.ts

@compute @workgroup_size(WG) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = linear_index(id, groups, WG);
  if (i == 0u) { atomicStore(&counts[SPLATS], camera.count); }
  if (i >= camera.count) { return; }
  let centre = projected[3u * i];
  let conic = projected[3u * i + 1u];
  let colour = projected[3u * i + 2u];
  var n = 0u;
  if (finite(centre) && finite(conic) && finite(colour)) {
    let reach = reach_of(centre.xyz, conic);
    for (var y = reach.first.y; y < reach.end.y; y++) {
      for (var x = reach.first.x; x < reach.end.x; x++) { n += u32(touches(reach, centre.xy, conic.xyz, vec2u(x, y))); }
    }
  } else {
    atomicAdd(&counts[NOT_FINITE], 1u);
  }
  tile_counts[i] = n;
  depths[i] = bitcast<u32>(colour.w); // not negative, so the order of bits is that of numbers
  order[i] = i;
}
