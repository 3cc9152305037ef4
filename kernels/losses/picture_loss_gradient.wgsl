// Gradient of the whole loss and the sums of its pixel terms: columns of the window over the slopes' rows, times what a
// pixel is to its windows. Thread: SPAN pixels of a column. Needs: slopes_at(x, y), the blurred slopes.
@group(0) @binding(3) var<storage, read_write> gradient: array<vec4f>; // [pixel]
@group(0) @binding(4) var<storage, read_write> pixel_sums: array<vec4f>; // [thread] |r|, r^2, pixels that are not finite

@compute @workgroup_size(WG) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = linear_index(id, groups, WG);
  let size = picture.size;
  let x = i % size.x;
  let y = i / size.x * SPAN;
  if (y >= size.y) { return; }
  let slopes = slopes_at(x, y);
  var sum = vec3f();
  for (var j = 0u; j < SPAN; j++) {
    if (y + j < size.y) {
      let pixel = (y + j) * size.x + x;
      let v = compared(pixel);
      let r = v[0];
      let direction = select(r, sign(r), r == r); // sign(NaN) is 0, and the derivative would hide it
      sum += vec3f(dot(abs(r), vec3f(1.0)), dot(r, r), select(1.0, 0.0, finite(vec4f(r, 0.0))));
      // What has no weight is left out, not multiplied by 0: of an infinite residual that would be NaN.
      var by_prediction = picture.l1 * direction;
      if (picture.l2 > 0.0) { by_prediction += 2.0 * picture.l2 * r; }
      if (picture.ssim > 0.0) {
        by_prediction += picture.ssim * (slopes[j][0] + r * slopes[j][1] + v[1] * slopes[j][2]);
      }
      gradient[pixel] = vec4f(picture.share * by_prediction, 0.0);
    }
  }
  pixel_sums[i] = vec4f(sum, 0.0);
}
