// A rendered picture as it is, and its target in 8 bits. What stands in w of either is not compared.
@group(0) @binding(1) var<storage, read> rendered: array<vec4f>; // [pixel] colour, coverage
@group(0) @binding(2) var<storage, read> targets: array<u32>; // [pixel] RGBA, 8 bits each

// Columns: rendered - target, rendered + target.
fn compared(pixel: u32) -> mat2x3f {
  let prediction = rendered[pixel].xyz;
  let truth = unpack4x8unorm(targets[pixel]).xyz;
  return mat2x3f(prediction - truth, prediction + truth);
}
