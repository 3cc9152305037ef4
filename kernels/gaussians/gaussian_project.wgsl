// What the passes over tiles need of each Gaussian: centre and inverse covariance, colour, opacity; and how many tiles it touches.
// Gaussians that are not finite touch none and are counted.
@group(0) @binding(0) var<storage, read> values: array<vec4f>; // [Gaussian][3]
@group(0) @binding(1) var<storage, read_write> projected: array<vec4f>; // [Gaussian][3]: x y a b, c red green blue, opacity determinant
@group(0) @binding(2) var<storage, read_write> tile_counts: array<u32>;
@group(0) @binding(3) var<storage, read_write> counts: array<atomic<u32>>; // see gaussian_raster.ts

@compute @workgroup_size(WG) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = linear_index(id, groups, WG);
  if (i >= min(atomicLoad(&counts[GAUSSIANS]), MOST_GAUSSIANS)) { return; }
  let place = values[3u * i];
  let shape = values[3u * i + 1u];
  let colour = values[3u * i + 2u];
  let s = covariance_of(shape.xyz);
  let conic = vec4f(vec3f(s.yy, -s.xy, s.xx) / s.determinant, s.determinant);
  let opacity = 1.0 / (1.0 + exp(-place.z));
  projected[3u * i] = vec4f(place.xy, conic.xy);
  projected[3u * i + 1u] = vec4f(conic.z, colour.xyz);
  projected[3u * i + 2u] = vec4f(opacity, s.determinant, 0.0, 0.0);
  var n = 0u;
  // The shape too: minus infinity as a logarithm has a finite covariance. Padding is not looked at.
  let logit = select(place.z, 0.0, OPAQUE);
  if (finite(vec4f(place.xy, logit, 0.0)) && finite(vec4f(shape.xyz, 0.0)) && finite(conic) && finite(vec4f(colour.xyz, 0.0))) {
    let reach = reach_of(vec3f(place.xy, 1.0), conic);
    for (var y = reach.first.y; y < reach.end.y; y++) {
      for (var x = reach.first.x; x < reach.end.x; x++) { n += u32(touches(reach, place.xy, conic.xyz, vec2u(x, y))); }
    }
  } else {
    atomicAdd(&counts[NOT_FINITE], 1u);
  }
  tile_counts[i] = n;
}
