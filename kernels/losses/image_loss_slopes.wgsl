// Columns of the moments, and what each window's SSIM makes of them. With d and e as in the moments, Wang et al. 2004
// reads
//   SSIM = (1 - l) (1 - c),  l = 2 md^2 / (md^2 + me^2 + 2 C1),  c = 2 vd / (vd + ve + 2 C2),
// m a mean and v = E xx - m^2 a variance: four moments instead of five, and where both pictures agree the loss and all
// its slopes are exactly 0 instead of differences of nearly equal numbers. A prediction that changes by 1 changes d and
// e by 1:
//   d(1 - SSIM)/dprediction = slopes[0] + d slopes[1] + e slopes[2].
// Thread: SPAN pixels of a column. Constants: C1, C2.
@group(0) @binding(1) var<storage, read_write> slopes: array<mat3x3f>; // [pixel], rows are channels
@group(0) @binding(2) var<storage, read_write> window_sums: array<f32>; // [thread] sum of 1 - SSIM

struct Window { slopes: mat3x3f, dissimilarity: vec3f }

fn window(moments: mat3x4f) -> Window {
  let m = transpose(moments);
  let raw_d = m[2] - m[0] * m[0];
  let raw_e = m[3] - m[1] * m[1];
  // The variances are never negative: the clamps, and the slopes of 0 there, catch rounding. max would hide NaN.
  let vd = select(raw_d, vec3f(), raw_d < vec3f());
  let ve = select(raw_e, vec3f(), raw_e < vec3f());
  let a = 2.0 / (m[0] * m[0] + m[1] * m[1] + 2.0 * C1);
  let b = 2.0 / (vd + ve + 2.0 * C2);
  let l = m[0] * m[0] * a;
  let c = vd * b;
  // d(1 - SSIM)/dvd and /dve, twice.
  let by_d = select((1.0 - l) * b * (2.0 - c), vec3f(), raw_d < vec3f());
  let by_e = select((l - 1.0) * b * c, vec3f(), raw_e < vec3f());
  let by_mean = (1.0 - c) * a * (m[0] * (2.0 - l) - m[1] * l) - m[0] * by_d - m[1] * by_e;
  return Window(mat3x3f(by_mean, by_d, by_e), l + c - l * c);
}

@compute @workgroup_size(WG) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = linear_index(id, groups, WG);
  let size = picture.size;
  let x = i % size.x;
  let y = i / size.x * SPAN;
  if (y >= size.y) { return; }
  let sums = blurred(x, size.x, y, size.y);
  let inside = x >= picture.margin && x + picture.margin < size.x;
  var sum = vec3f();
  for (var j = 0u; j < SPAN; j++) {
    let row = y + j;
    if (row < size.y) {
      var w = Window();
      if (inside && row >= picture.margin && row + picture.margin < size.y) { w = window(sums[j]); }
      slopes[row * size.x + x] = w.slopes;
      sum += w.dissimilarity;
    }
  }
  window_sums[i] = sum.x + sum.y + sum.z;
}
