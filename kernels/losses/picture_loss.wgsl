// What every kernel of the picture loss knows: the picture and how its sums are weighted.
struct Picture {
  size: vec2u, // width, height
  margin: u32, // 0: every pixel is the centre of a window, zeros outside
  share: f32, // 1 / (pixels * channels)
  l1: f32,
  l2: f32,
  ssim: f32,
}
@group(0) @binding(0) var<uniform> picture: Picture;
