// Work divided into runs of neighbours: thread t owns elements t * each .. (t + 1) * each. An odd length, so that the
// lanes of a SIMD group, which walk their runs in step, do not all meet in one set of the cache.
fn run_length(n: u32) -> u32 {
  return max(LEAST, (n + THREADS - 1u) / THREADS) | 1u;
}
