// A pinhole camera as splats see it; OpenCV axes: +x right, +y down, +z forward.
struct SplatCamera {
  row0: vec4f, row1: vec4f, row2: vec4f, // world to camera
  centre: vec3f, near: f32, // nearer splats are not drawn
  focal: vec2f, principal: vec2f,
  tangent_limit: vec2f, // |x/z| and |y/z| are clamped to it where the projection is linearised
  count: u32, // splats
  degree: u32, // active degree of the colour
}
