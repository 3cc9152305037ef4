  // The TOP_K-th largest weight of each pixel: a sorted list in registers that every weight sinks through.
  // EACH
  LISTS
  // END
  for (var k = first; k < last; k++) {
    let i = owners[sorted[k]];
    let g = projected_of(projected[3u * i], projected[3u * i + 1u], projected[3u * i + 2u].x);
    let d = position - g.centre;
    // EACH
    {
      var w = weight_at(vec2f(d.x, d.y + f32(Ju)), g.conic, g.opacity).value;
      var larger = w;
      SINK
    }
    // END
  }
