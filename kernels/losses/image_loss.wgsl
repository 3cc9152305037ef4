// What every kernel of the image loss knows: the picture and how its sums are weighted.
struct Picture {
  size: vec2u, // width, height
  margin: u32, // pixels at each border that are no centre of a window
  pixel_share: f32, // 1 / (pixels * channels)
  window_share: f32, // 1 / (windows * channels); 0 without SSIM
  ssim_weight: f32,
}
@group(0) @binding(0) var<uniform> picture: Picture;
