/** The normal distribution: masses of intervals that stay exact in the tails, and draws within bounds. */

/**
 * Complementary error function, to about 1e-14 of its value also where that is tiny: the Maclaurin series of erf below 2, the
 * continued fraction of erfc above (Abramowitz and Stegun 1964, 7.1.6 and 7.1.14).
 */
export function erfc(x: number): number {
  if (x < 0) return 2 - erfc(-x);
  if (x < 2) {
    let [term, sum] = [x, x];
    for (let n = 1; term > 1e-17 * sum; n++) {
      term *= 2 * x * x / (2 * n + 1);
      sum += term;
    }
    return 1 - 2 / Math.sqrt(Math.PI) * Math.exp(-x * x) * sum;
  }
  let fraction = x;
  for (let n = 80; n >= 1; n--) fraction = x + n / 2 / fraction;
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / fraction;
}

/**
 * The mass of a standard normal between two bounds, exact also far from zero.
 *
 * @param low lower bound in standard deviations
 * @param high upper bound, at least `low`
 */
export function normalMass(low: number, high: number): number {
  // In the upper tail both masses below are near 1 and their difference is lost: look from the other side.
  if (low > 0) return normalMass(-high, -low);
  return 0.5 * (erfc(-high * Math.SQRT1_2) - erfc(-low * Math.SQRT1_2));
}

/**
 * A draw from a normal distribution cut to bounds, by rejection of Box and Muller's pairs (1958). Fast as long as the bounds
 * hold a fair part of the mass, as they do where the mean lies between them and they are at least one deviation apart.
 *
 * @param draw uniform numbers in [0, 1)
 */
export function drawTruncated(mean: number, deviation: number, low: number, high: number, draw: () => number): number {
  while (true) {
    const radius = deviation * Math.sqrt(-2 * Math.log(1 - draw()));
    const angle = 2 * Math.PI * draw();
    for (const value of [mean + radius * Math.cos(angle), mean + radius * Math.sin(angle)]) {
      if (value >= low && value <= high) return value;
    }
  }
}
