// The picture of Gaussians in integers (integer_gaussians.ts tells the arithmetic): a tile of 8 x 8 pixels per workgroup of 16, four
// pixels above one another per thread. Constants: WIDTH, HEIGHT, AVERAGE, REACH, CUT, UNIT, FLOOR, EXP2_0 to EXP2_3.
@group(0) @binding(0) var<storage, read> gaussians: array<vec4i>; // [gaussian][2]: x y a b, c red green blue
@group(0) @binding(1) var<storage, read> starts: array<u32>; // [tile + 1] into entries
@group(0) @binding(2) var<storage, read> entries: array<u32>; // [..] Gaussians of the tiles, one after another
@group(0) @binding(3) var<storage, read_write> picture: array<u32>; // [pixel] red, green, blue, 255 from the lowest byte up

// A sum of products of up to 31 bits: high 2^16 + low. 65535 of them overflow neither.
struct Sum { high: vec4i, low: vec4u }

fn add(sum: ptr<function, Sum>, product: vec4i) {
  (*sum).high += product >> vec4u(16u);
  (*sum).low += bitcast<vec4u>(product) & vec4u(0xffffu);
}

fn weight(u: vec4i, v: vec4i) -> vec4i {
  let near = (abs(u) <= vec4i(REACH)) & (abs(v) <= vec4i(REACH));
  let z = bitcast<vec4u>(u * u) + bitcast<vec4u>(v * v);
  let n = z >> vec4u(28u);
  let f = (z >> vec4u(12u)) & vec4u(0xffffu);
  var h = vec4u(EXP2_2) - ((f * vec4u(EXP2_3)) >> vec4u(16u));
  h = vec4u(EXP2_1) - ((f * h) >> vec4u(16u));
  h = vec4u(EXP2_0) - ((f * h) >> vec4u(16u));
  h = vec4u(65536u) - ((f * h) >> vec4u(16u));
  let w = vec4i((h + ((vec4u(1u) << n) >> vec4u(1u))) >> n) - vec4i(CUT);
  return select(vec4i(0), max(w, vec4i(0)), near & (n <= vec4u(7u)));
}

// One channel of one pixel.
fn channel(high: i32, low: u32, divisor: u32, shift: u32) -> u32 {
  let upper = high + i32(low >> 16u);
  if (upper < 0) { return 0u; }
  if ((u32(upper) >> (12u + shift)) != 0u) { return 255u; }
  let sum = (u32(upper) << (16u - shift)) | ((low & 0xffffu) >> shift);
  if (sum >= divisor << 12u) { return 255u; }
  return (255u * ((sum << 4u) / divisor) + 32768u) >> 16u;
}

@compute @workgroup_size(16) fn main(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let columns = (WIDTH + 7u) / 8u;
  let index = linear_index(id, groups, 16u);
  let tile = index / 16u;
  if (tile >= columns * ((HEIGHT + 7u) / 8u)) { return; }
  let i = (tile % columns) * 8u + index % 8u;
  let j = (tile / columns) * 8u + (index % 16u) / 8u * 4u;
  let px = i32(16u * i + 8u);
  let py = vec4i(vec4u(16u * j + 8u) + vec4u(0u, 16u, 32u, 48u));
  var red = Sum(vec4i(0), vec4u(0u));
  var green = red;
  var blue = red;
  var coverage = vec4u(0u);
  let end = starts[tile + 1u];
  for (var e = starts[tile]; e < end; e++) {
    let first = gaussians[2u * entries[e]];
    let second = gaussians[2u * entries[e] + 1u];
    let dy = py - vec4i(first.y);
    let u = (vec4i(first.z * (px - first.x)) + first.w * dy + vec4i(512)) >> vec4u(10u);
    let v = (second.x * dy + vec4i(512)) >> vec4u(10u);
    let w = weight(u, v);
    coverage += vec4u(w);
    add(&red, w * second.y);
    add(&green, w * second.z);
    add(&blue, w * second.w);
  }
  for (var r = 0u; r < 4u; r++) {
    if (i >= WIDTH || j + r >= HEIGHT) { continue; }
    var divisor = UNIT;
    if (AVERAGE) { divisor = coverage[r] + FLOOR; }
    let shift = max(16u, 32u - countLeadingZeros(divisor)) - 16u;
    divisor >>= shift;
    picture[(j + r) * WIDTH + i] = channel(red.high[r], red.low[r], divisor, shift) |
      (channel(green.high[r], green.low[r], divisor, shift) << 8u) |
      (channel(blue.high[r], blue.low[r], divisor, shift) << 16u) | 0xff000000u;
  }
}
