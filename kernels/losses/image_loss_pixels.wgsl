// Prediction and target over the frame's background (conventions 6.1: prediction ADDED, target blended). Constants: CV
// vec4 per pixel.
struct Frame { background: vec3f, @align(16) first_pixel: u32 }
@group(0) @binding(1) var<uniform> frame: Frame;
@group(0) @binding(2) var<storage, read> rendered: array<vec4f>; // [pixel][CV], premultiplied colour first
@group(0) @binding(3) var<storage, read> alpha: array<f32>;
@group(0) @binding(4) var<storage, read> targets: array<u32>; // premultiplied RGBA, 8 bits each

// Columns: prediction - target, prediction + target.
fn compared(pixel: u32) -> mat2x3f {
  let prediction = rendered[pixel * CV].xyz + (1.0 - alpha[pixel]) * frame.background;
  let rgba = unpack4x8unorm(targets[frame.first_pixel + pixel]);
  let truth = rgba.xyz + (1.0 - rgba.w) * frame.background;
  return mat2x3f(prediction - truth, prediction + truth);
}
