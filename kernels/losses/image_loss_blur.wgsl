// One direction of the SSIM window at SPAN neighbouring pixels: each value is loaded once and added to every sum it
// belongs to. Outside the picture is left out, not multiplied by 0, so that NaN stays inside its windows. The window is
// symmetric, so the same sums are the blur's adjoint. A pixel's values are one matrix, because the CPU driver computes
// one address and one bounds check for it. Constants: SPAN, TAPS, REACH (taps on either side of the centre). Needs:
// Values, source_at(pixel).
fn blurred(first: u32, stride: u32, position: u32, extent: u32) -> array<Values, SPAN> {
  var taps = TAPS;
  var sums: array<Values, SPAN>;
  for (var j = 0u; j < SPAN; j++) { sums[j] = Values(); }
  for (var k = 0u; k < SPAN + 2u * REACH; k++) {
    let at = position + k - REACH; // wraps below 0
    if (at < extent) {
      let value = source_at(first + at * stride);
      for (var j = 0u; j < SPAN; j++) {
        if (j <= k && k - j <= 2u * REACH) { sums[j] += taps[k - j] * value; }
      }
    }
  }
  return sums;
}
