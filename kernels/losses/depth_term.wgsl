  // Normalised expected depth (D / alpha) against true depth, both mapped to [0, 1] by the near and far of each ray.
  let true_depth = depths[pixel];
  if (true_depth > 0.0 && truth.w > ALPHA_THRESHOLD) {
    for (var s = 0u; s < SUBRAYS; s++) {
      let i = first + s;
      let seen = geometry[i];
      let ray = rays[i];
      let range = ray.far - ray.near;
      if (seen.x > ALPHA_THRESHOLD && range > 0.0) {
        let inverse = 1.0 / range;
        let e = depth_pair((seen.y / seen.x - true_depth) * inverse);
        let share = 1.0 / f32(SUBRAYS);
        depth_loss += e.x * share;
        depth_valid += vec4f(share, range * share, 0.0, 0.0);
        depths_seen += share * vec4f(
          true_depth, (true_depth - ray.near) * inverse, seen.y / seen.x, (seen.y / seen.x - ray.near) * inverse);
        let ge = loss_weights.depth * share * e.y * inverse;
        geometry_gradient[i] += vec4f(-ge * seen.y / (seen.x * seen.x), ge / seen.x, 0.0, 0.0);
      }
    }
  }
