// The procedural scene by sphere tracing (Hart 1996). The float64 reference of the distances is bricks_sdf.ts, which
// also sorts the parts into the cells used here. KIND_* constants are prepended by bricks.ts.

struct Settings {
  width: u32,
  height: u32,
  // First pixel of this dispatch and one past its last, counted over all views of the batch.
  begin: u32,
  end: u32,
  // Sub-samples per direction.
  supersample: u32,
  cells: u32,
  // Loop bounds: read at run time, since the driver unrolls constant ones.
  steps: u32,
  taps: u32,
  extent: f32,
  // Focal length in pixels.
  focal: f32,
  points: u32,
  pad: u32,
}

struct Hit {
  distance: f32,
  part: u32,
}

@group(0) @binding(0) var<uniform> settings: Settings;
// Per part: centre and bits (kind + 256 material); quaternion; size and rounding; extra.
@group(0) @binding(1) var<storage, read> parts: array<vec4f>;
// Per cell: distance at its centre (bits), first entry in list * 256 + number of entries.
@group(0) @binding(2) var<storage, read> cells: array<vec2u>;
@group(0) @binding(3) var<storage, read> list: array<u32>;
// Per material: colour and roughness; metal, glow.
@group(0) @binding(4) var<storage, read> materials: array<vec4f>;
// Per view: columns x, y, z and origin of camera-to-world.
@group(0) @binding(5) var<storage, read> cameras: array<vec4f>;
// Per pixel: packed straight RGBA; depth and normal.
@group(0) @binding(6) var<storage, read_write> colours: array<u32>;
@group(0) @binding(7) var<storage, read_write> surfaces: array<vec4f>;

const HIT = 1e-5;
const SUN = vec3f(-0.46, -0.62, 0.636);
const SUN_RADIUS = 0.05;
const FILL = vec3f(0.76, 0.35, 0.548);

fn part_distance(index: u32, p: vec3f) -> f32 {
  let place = parts[4u * index];
  let turn = parts[4u * index + 1u];
  let size = parts[4u * index + 2u];
  let extra = parts[4u * index + 3u];
  let kind = bitcast<u32>(place.w) & 255u;
  let v = p - place.xyz;
  let c = 2.0 * cross(v, turn.xyz);
  let q = v + turn.w * c + cross(c, turn.xyz);
  let radial = length(q.xy);
  let b = abs(q.xy) - size.xy;
  let box = length(max(b, vec2f(0.0))) + min(max(b.x, b.y), 0.0);
  var flat = box;
  flat = select(flat, radial - size.x, kind == KIND_DISC);
  flat = select(flat, abs(radial - size.x) - size.y, kind == KIND_RING);
  flat = select(flat, max(box, extra.x - length(vec2f(q.x, max(q.y - extra.y, 0.0)))), kind == KIND_ARCH);
  flat = select(flat, max(box, q.x * extra.x + q.y * extra.y - extra.z), kind == KIND_WEDGE);
  let high = abs(q.z) - size.z;
  let w = vec2f(flat, high);
  var d = length(max(w, vec2f(0.0))) + min(max(w.x, w.y), 0.0);
  d = select(d, max(length(q) - size.x, -q.z - size.z), kind == KIND_BALL);
  d = select(d, max(radial * extra.x + q.z * extra.y - extra.z, high), kind == KIND_CONE);
  let ax = abs(q.x);
  let k = select(radial, ax * extra.x + q.y * extra.y, extra.y * ax > extra.x * q.y);
  let tube = sqrt(max(dot(q, q) + size.x * size.x - 2.0 * size.x * k, 0.0));
  return select(d, tube, kind == KIND_ARC) - size.w;
}

// The distance to the nearest part; far from everything a smaller, safe one.
fn scene(p: vec3f) -> Hit {
  let n = settings.cells;
  let cell = 2.0 * settings.extent / f32(n);
  let at = vec3u(clamp((p + settings.extent) / cell, vec3f(0.0), vec3f(f32(n) - 1.0)));
  let entry = cells[(at.z * n + at.y) * n + at.x];
  let first = entry.y >> 8u;
  let last = first + (entry.y & 255u);
  var hit = Hit(1e9, 0u);
  for (var i = first; i < last; i++) {
    let index = list[i];
    let d = part_distance(index, p);
    if (d < hit.distance) {
      hit = Hit(d, index);
    }
  }
  if (first == last) {
    let centre = (vec3f(at) + 0.5) * cell - settings.extent;
    hit.distance = bitcast<f32>(entry.x) - distance(p, centre) - 1e-5;
  }
  return hit;
}

// The distance interpolated between cell centres: smooth, not exact; for ambient light.
fn smooth_distance(p: vec3f) -> f32 {
  let n = i32(settings.cells);
  let u = clamp((p + settings.extent) * (f32(n) / (2.0 * settings.extent)) - 0.5, vec3f(0.0), vec3f(f32(n) - 1.001));
  let a = vec3i(u);
  let f = u - vec3f(a);
  var sum = 0.0;
  for (var k = 0; k < i32(settings.taps) * 2; k++) {
    let o = vec3i(k & 1, (k >> 1) & 1, k >> 2);
    let at = a + o;
    let w = mix(1.0 - f, f, vec3f(o));
    sum += w.x * w.y * w.z * bitcast<f32>(cells[(at.z * n + at.y) * n + at.x].x);
  }
  return sum;
}

// Where a ray enters and leaves the cube.
fn cube(origin: vec3f, direction: vec3f) -> vec2f {
  let inverse = 1.0 / select(direction, vec3f(1e-12), abs(direction) < vec3f(1e-12));
  let a = (-settings.extent - origin) * inverse;
  let b = (settings.extent - origin) * inverse;
  let low = min(a, b);
  let high = max(a, b);
  return vec2f(max(max(low.x, low.y), max(low.z, 0.0)), min(high.x, min(high.y, high.z)));
}

fn normal_at(p: vec3f) -> vec3f {
  var sum = vec3f(0.0);
  for (var k = 0u; k < settings.taps; k++) {
    let corner = vec3f(vec3u((((k + 3u) >> 1u) & 1u), ((k >> 1u) & 1u), (k & 1u))) * 2.0 - 1.0;
    sum += corner * scene(p + 3e-4 * corner).distance;
  }
  return normalize(sum);
}

// A studio: bright above, a soft box beside the sun, a warm floor.
fn environment(direction: vec3f, roughness: f32) -> vec3f {
  let up = smoothstep(-0.35 - roughness, 0.5 + roughness, direction.z);
  let box = exp((dot(direction, SUN) - 1.0) * 5.0 / (0.35 + roughness));
  let side = exp((dot(direction, FILL) - 1.0) * 9.0 / (0.35 + roughness));
  return mix(vec3f(0.2, 0.19, 0.165), vec3f(0.62, 0.74, 0.92), up) + box * vec3f(0.9, 0.84, 0.72) + side * vec3f(0.5, 0.56, 0.66);
}

// GGX highlight of one light, without shadow; f0 0.04 for plastic.
fn highlight(n: vec3f, v: vec3f, l: vec3f, roughness: f32, f0: vec3f) -> vec3f {
  let h = normalize(v + l);
  let nl = max(dot(n, l), 0.0);
  let nv = max(dot(n, v), 1e-3);
  let nh = max(dot(n, h), 0.0);
  let vh = max(dot(v, h), 0.0);
  let a2 = pow(roughness, 4.0) + 2e-3;
  let t = nh * nh * (a2 - 1.0) + 1.0;
  let spread = a2 / (3.14159265 * t * t);
  let k = 0.5 * roughness * roughness + 0.01;
  let visible = 0.25 / ((nl * (1.0 - k) + k) * (nv * (1.0 - k) + k));
  return (f0 + (1.0 - f0) * pow(1.0 - vh, 5.0)) * (spread * visible * nl);
}

fn shade(p: vec3f, n: vec3f, v: vec3f, part: u32, sunlight: f32) -> vec3f {
  let m = bitcast<u32>(parts[4u * part].w) >> 8u;
  let surface = materials[2u * m];
  let more = materials[2u * m + 1u];
  let roughness = surface.w;
  // Ambient occlusion: how much nearer things are than an open half space would have them.
  var closed = 0.0;
  var weight = 1.0;
  for (var k = 0u; k < settings.taps; k++) {
    let reach = 0.03 + 0.075 * f32(k);
    closed += weight * max(reach - smooth_distance(p + n * reach), 0.0);
    weight *= 0.72;
  }
  let open = clamp(1.0 - 1.7 * closed, 0.0, 1.0);
  let metal = more.x;
  let f0 = mix(vec3f(0.045), surface.rgb, metal);
  let diffuse = surface.rgb * (1.0 - metal);
  let sun = max(dot(n, SUN), 0.0) * sunlight;
  let fill = max(dot(n, FILL) * 0.7 + 0.3, 0.0);
  let sky = mix(vec3f(0.2, 0.18, 0.14), vec3f(0.42, 0.5, 0.62), 0.5 + 0.5 * n.z);
  var light = diffuse * (vec3f(1.75, 1.62, 1.42) * sun + vec3f(0.24, 0.28, 0.34) * fill * open + sky * 0.95 * open * open);
  let r = reflect(-v, n);
  let facing = clamp(dot(n, v), 0.0, 1.0);
  let fresnel = f0 + (max(vec3f(1.0 - roughness), f0) - f0) * pow(1.0 - facing, 5.0);
  let mirror = clamp(smooth_distance(p + r * 0.22) / 0.16 + 0.1, 0.0, 1.0);
  light += fresnel * environment(r, roughness) * (mirror * open) * mix(0.9, 1.25, metal);
  light += highlight(n, v, SUN, roughness, f0) * vec3f(1.9, 1.8, 1.6) * sunlight;
  light += highlight(n, v, FILL, roughness, f0) * vec3f(0.5, 0.56, 0.66) * open;
  return light + surface.rgb * more.y;
}

// Light to display: a soft shoulder, then the sRGB curve.
fn display(light: vec3f) -> vec3f {
  let c = light * (1.0 + light * 0.16) / (1.0 + light * 0.62);
  let x = clamp(c, vec3f(0.0), vec3f(1.0));
  return select(1.055 * pow(max(x, vec3f(0.0031308)), vec3f(1.0 / 2.4)) - 0.055, 12.92 * x, x < vec3f(0.0031308));
}

@compute @workgroup_size(64)
fn render(@builtin(global_invocation_id) id: vec3u) {
  let pixel = settings.begin + id.x;
  if (pixel >= settings.end) {
    return;
  }
  let size = settings.width * settings.height;
  let view = pixel / size;
  let inside = pixel % size;
  let corner = vec2f(f32(inside % settings.width), f32(inside / settings.width));
  let axis_x = cameras[4u * view].xyz;
  let axis_y = cameras[4u * view + 1u].xyz;
  let axis_z = cameras[4u * view + 2u].xyz;
  let eye = cameras[4u * view + 3u].xyz;
  let half = 0.5 * vec2f(f32(settings.width), f32(settings.height));
  let samples = settings.supersample * settings.supersample;
  var sum = vec4f(0.0);
  var surface = vec4f(0.0);
  // The last turn is the ray through the pixel's centre: depth and normal.
  for (var s = 0u; s <= samples; s++) {
    let centre = s == samples;
    let sub = (vec2f(f32(s % settings.supersample), f32(s / settings.supersample)) + 0.5) / f32(settings.supersample);
    let at = (corner + select(sub, vec2f(0.5), centre) - half) / settings.focal;
    let direction = normalize(at.x * axis_x - at.y * axis_y - axis_z);
    let span = cube(eye, direction);
    let start = eye + span.x * direction;
    let far = span.y - span.x;
    var t = 0.0;
    var hit = Hit(1e9, 0u);
    for (var k = 0u; k < settings.steps && t < far; k++) {
      hit = scene(start + t * direction);
      if (hit.distance < HIT) {
        break;
      }
      t += hit.distance;
    }
    let found = hit.distance < HIT && t < far;
    let p = start + t * direction;
    var n = vec3f(0.0, 0.0, 1.0);
    if (found) {
      n = normal_at(p);
    }
    // One point of the sun's disc per sub-sample, in an order that is independent of the place in the pixel.
    let order = (s * (2u * settings.supersample - 1u)) % samples;
    let radius = SUN_RADIUS * sqrt((f32(order) + 0.5) / f32(samples));
    let angle = 2.3999632 * f32(order);
    let across = normalize(cross(SUN, vec3f(0.0, 0.0, 1.0)));
    let light = normalize(SUN + radius * (cos(angle) * across + sin(angle) * cross(SUN, across)));
    let lit = found && !centre && dot(n, light) > 0.0;
    let origin = p + n * 2e-3;
    let reach = select(0.0, cube(origin, light).y, lit);
    var blocked = false;
    var u = 0.0;
    for (var k = 0u; k < settings.steps && u < reach; k++) {
      let d = scene(origin + u * light).distance;
      if (d < 2e-4) {
        blocked = true;
        break;
      }
      u += d;
    }
    if (found && !centre) {
      sum += vec4f(display(shade(p, n, -direction, hit.part, select(0.0, 1.0, lit && !blocked))), 1.0);
    }
    if (found && centre) {
      surface = vec4f(span.x + t, n);
    }
  }
  let colour = vec4f(sum.rgb / max(sum.a, 1.0), sum.a / f32(samples));
  colours[pixel] = pack4x8unorm(colour);
  surfaces[pixel] = surface;
}

// Distances at given points (in cameras), for the test against the reference.
@compute @workgroup_size(64)
fn probe(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= settings.points) {
    return;
  }
  let hit = scene(cameras[id.x].xyz);
  surfaces[id.x] = vec4f(hit.distance, f32(hit.part), 0.0, 0.0);
}
