// Means over the picture, summed in a fixed order by one workgroup.
struct Summary { loss: f32, l1: f32, l2: f32, ssim: f32, not_finite: f32, unused_0: f32, unused_1: f32, unused_2: f32 }
@group(0) @binding(1) var<storage, read> pixel_sums: array<vec4f>; // [column span] |r|, r^2, pixels that are not finite
@group(0) @binding(2) var<storage, read> window_sums: array<f32>; // [column span] sum of 1 - SSIM
@group(0) @binding(3) var<storage, read_write> summary: Summary;
var<workgroup> partial: array<vec4f, WG>;

@compute @workgroup_size(WG) fn main(@builtin(local_invocation_index) lane: u32) {
  let n = picture.size.x * ((picture.size.y + SPAN - 1u) / SPAN);
  let ssim = picture.ssim > 0.0;
  var sum = vec4f();
  for (var i = lane; i < n; i += WG) {
    sum += pixel_sums[i];
    if (ssim) { sum.w += window_sums[i]; }
  }
  partial[lane] = sum;
  workgroupBarrier();
  if (lane == 0u) {
    var all = vec4f();
    for (var l = 0u; l < WG; l++) { all += partial[l]; }
    let l1 = all.x * picture.share;
    let l2 = all.y * picture.share;
    let dissimilarity = all.w * picture.share;
    // Left out as in the gradient: a square may be infinite where |r| is not.
    var loss = 0.0;
    if (picture.l1 > 0.0) { loss += picture.l1 * l1; }
    if (picture.l2 > 0.0) { loss += picture.l2 * l2; }
    if (ssim) { loss += picture.ssim * dissimilarity; }
    summary = Summary(loss, l1, l2, select(0.0, 1.0 - dissimilarity, ssim), all.z, 0.0, 0.0, 0.0);
  }
}
