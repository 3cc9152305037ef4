// Adam (Kingma & Ba 2015, algorithm 1). A parameter whose gradient is exactly 0 is left alone when SPARSE (conventions 6.4).
// FIXED: the gradient is a fixed-point integer sum, read and set back to zero. EMA: a smoothed copy is kept (0.. decay).
struct Rates {
  rate: f32, beta1: f32, beta2: f32, epsilon: f32,
  correction1: f32, correction2: f32, // 1 - beta^step
  l2: f32, ema_decay: f32,
  gradient_scale: f32, // what one unit of the gradient is worth
  vectors: u32, // the first so many vec4 move
  pad0: u32, pad1: u32,
}
@group(0) @binding(0) var<uniform> rates: Rates;
@group(0) @binding(1) var<storage, read_write> parameters: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> gradient: array<GRADIENT>;
@group(0) @binding(3) var<storage, read_write> first_moment: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> second_moment: array<vec4f>;
EMA_BINDING

@compute @workgroup_size(WG) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = linear_index(id, groups, WG);
  if (i >= min(VECTORS, rates.vectors)) { return; }
  let raw = gradient[i];
  if (SPARSE && all(raw == GRADIENT(ZERO))) { EMA_STEP return; }
  if (FIXED) { gradient[i] = GRADIENT(ZERO); }
  let p = parameters[i];
  let g = vec4f(raw) * rates.gradient_scale + rates.l2 * p;
  let m = rates.beta1 * first_moment[i] + (1.0 - rates.beta1) * g;
  let v = rates.beta2 * second_moment[i] + (1.0 - rates.beta2) * g * g;
  let step = rates.rate * RATE_SCALE * (m / rates.correction1) / (sqrt(v / rates.correction2) + rates.epsilon);
  let kept = raw == GRADIENT(ZERO);
  let changed = select(vec4<bool>(true), !kept, vec4<bool>(SPARSE));
  first_moment[i] = select(first_moment[i], m, changed);
  second_moment[i] = select(second_moment[i], v, changed);
  parameters[i] = select(p, p - step, changed);
  EMA_STEP
}
