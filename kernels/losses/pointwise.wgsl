// Value and derivative of a pointwise loss of the residual r = prediction - target, declared together so that they cannot drift.
// Constants: KIND (0 L1, 1 L2, 2 Huber, 3 smooth L1), DELTA.
fn loss_pair(r: f32) -> vec2f {
  let a = abs(r);
  let direction = select(r, sign(r), r == r); // sign(NaN) is 0, and the derivative would hide it
  switch KIND {
    case 0u: { return vec2f(a, direction); }
    case 1u: { return vec2f(r * r, 2.0 * r); }
    // Huber 1964: quadratic to DELTA, then a line of slope DELTA.
    case 2u: {
      if (a <= DELTA) { return vec2f(0.5 * r * r, r); }
      return vec2f(DELTA * (a - 0.5 * DELTA), DELTA * direction);
    }
    // Smooth L1 = Huber / DELTA (PyTorch's beta).
    default: {
      if (a <= DELTA) { return vec2f(0.5 * r * r / DELTA, r / DELTA); }
      return vec2f(a - 0.5 * DELTA, direction);
    }
  }
}
