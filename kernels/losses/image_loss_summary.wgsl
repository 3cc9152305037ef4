// Means over the picture, summed in a fixed order by one workgroup.
@group(0) @binding(1) var<storage, read> pixel_sums: array<vec2f>; // [column span] loss, squared error
@group(0) @binding(2) var<storage, read> window_sums: array<f32>; // [column span] sum of 1 - SSIM
@group(0) @binding(3) var<storage, read_write> summary: vec4f; // loss, pixel loss, SSIM, mean squared error
var<workgroup> partial: array<vec3f, WG>;

@compute @workgroup_size(WG) fn main(@builtin(local_invocation_index) lane: u32) {
  let n = picture.size.x * ((picture.size.y + SPAN - 1u) / SPAN);
  let ssim = picture.window_share > 0.0;
  var sum = vec3f();
  for (var i = lane; i < n; i += WG) {
    sum += vec3f(pixel_sums[i], 0.0);
    if (ssim) { sum.z += window_sums[i]; }
  }
  partial[lane] = sum;
  workgroupBarrier();
  if (lane == 0u) {
    var all = vec3f();
    for (var l = 0u; l < WG; l++) { all += partial[l]; }
    let pixel_loss = all.x * picture.pixel_share;
    let dissimilarity = all.z * picture.window_share;
    let loss = (1.0 - picture.ssim_weight) * pixel_loss + picture.ssim_weight * dissimilarity;
    summary = vec4f(loss, pixel_loss, select(0.0, 1.0 - dissimilarity, ssim), all.y * picture.pixel_share);
  }
}
