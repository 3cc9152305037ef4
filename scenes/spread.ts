/**
 * Choosing a few of many views.
 *
 * @module
 */

/**
 * Indices of `count` views spread evenly over `total`, the first one among them: neighbours in a split often show nearly the same,
 * so the first few would stand for little. All of them when `count` is 0 or too large.
 */
export function spreadViews(count: number, total: number): number[] {
  const wanted = count === 0 ? total : Math.min(count, total);
  return Array.from({ length: wanted }, (_, i) => Math.floor(i * total / wanted));
}
