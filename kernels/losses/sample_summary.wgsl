// Sums of a loss over the samples of a batch, in a fixed order: what a step says when samples are compared and not rays.
@group(0) @binding(0) var<storage, read> counts: array<u32>; // samples, samples wanted, rays dropped
@group(0) @binding(1) var<storage, read> sample_loss: array<vec2f>; // colour, opacity
@group(0) @binding(2) var<storage, read_write> summary: Summary;
var<workgroup> partial: array<vec2f, WG>;

@compute @workgroup_size(WG) fn main(@builtin(local_invocation_index) lane: u32) {
  let n = counts[0];
  let each = (n + WG - 1u) / WG;
  var sum = vec2f();
  for (var i = min(lane * each, n); i < min((lane + 1u) * each, n); i++) { sum += sample_loss[i]; }
  partial[lane] = sum;
  workgroupBarrier();
  if (lane == 0u) {
    var all = vec2f();
    for (var l = 0u; l < WG; l++) { all += partial[l]; }
    summary = Summary(vec4f(all.x, all.x + all.y, all.y, 0.0), vec4f(f32(n), f32(counts[1]), f32(counts[2]), f32(n)),
      vec4f(), vec4f(), vec4f(), vec4f(), vec4f());
  }
}
