  // Normalised expected depth (D / alpha) against true depth, both mapped to [0, 1] by the scene's near and far.
  let true_depth = depths[pixel];
  if (true_depth > 0.0 && truth.w > ALPHA_THRESHOLD) {
    for (var s = 0u; s < SUBRAYS; s++) {
      let i = first + s;
      let seen = geometry[i];
      if (seen.x > ALPHA_THRESHOLD) {
        let span_inverse = 1.0 / (FAR - NEAR);
        let e = loss_pair((seen.y / seen.x - true_depth) * span_inverse);
        let weight = DEPTH_WEIGHT / f32(SUBRAYS);
        depth_loss += e.x / f32(SUBRAYS);
        depth_valid += 1.0 / f32(SUBRAYS);
        let ge = weight * e.y * span_inverse;
        geometry_gradient[i] += vec4f(-ge * seen.y / (seen.x * seen.x), ge / seen.x, 0.0, 0.0);
      }
    }
  }
