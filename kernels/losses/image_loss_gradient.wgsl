// Gradient of the whole loss and the sums of its pixel term: columns of the window over the slopes' rows, times what a
// pixel is to its windows. Thread: SPAN pixels of a column. Needs: slopes_at(x, y), the blurred slopes.
@group(0) @binding(5) var<storage, read_write> rendered_gradient: array<vec4f>; // [pixel][CV]
@group(0) @binding(6) var<storage, read_write> alpha_gradient: array<f32>;
@group(0) @binding(7) var<storage, read_write> pixel_sums: array<vec2f>; // [thread] loss, squared error

@compute @workgroup_size(WG) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = linear_index(id, groups, WG);
  let size = picture.size;
  let x = i % size.x;
  let y = i / size.x * SPAN;
  if (y >= size.y) { return; }
  let slopes = slopes_at(x, y);
  let pixel_weight = (1.0 - picture.ssim_weight) * picture.pixel_share;
  let window_weight = picture.ssim_weight * picture.window_share;
  var sum = vec2f();
  for (var j = 0u; j < SPAN; j++) {
    if (y + j < size.y) {
      let pixel = (y + j) * size.x + x;
      let v = compared(pixel);
      let r = loss_pair(v[0].x);
      let g = loss_pair(v[0].y);
      let b = loss_pair(v[0].z);
      sum += vec2f(r.x + g.x + b.x, dot(v[0], v[0]));
      let by_window = slopes[j][0] + v[0] * slopes[j][1] + v[1] * slopes[j][2];
      let by_prediction = pixel_weight * vec3f(r.y, g.y, b.y) + window_weight * by_window;
      rendered_gradient[pixel * CV] = vec4f(by_prediction, 0.0);
      for (var k = 1u; k < CV; k++) { rendered_gradient[pixel * CV + k] = vec4f(); }
      alpha_gradient[pixel] = -dot(by_prediction, frame.background);
    }
  }
  pixel_sums[i] = sum;
}
