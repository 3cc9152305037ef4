// What a step says; see batch_summary.ts.
struct Summary {
  losses: vec4f, // sums of colour, squared error, opacity, depth
  counts: vec4f, // samples, samples wanted, rays dropped, pixels
  features: vec4f, // sums of L2, cosine, and of what they are valid for
  depth: vec4f, // sums of the shares with depth, and of the lengths of their ranges; least and greatest range
  depth_sum: vec4f, // true depth, normalised, the student's, normalised
  depth_least: vec4f,
  depth_most: vec4f,
}
