// Sum of squares of a buffer's elements in a fixed order: a run per workgroup, whose threads take turns, then the sums of the
// threads in one workgroup. Constants: GROUPS (workgroups of the first pass), VECTOR (vec4f or vec4i).
struct Job {
  count: u32, // elements
  slot: u32, // of the result
  scale: f32, // what one unit of an element is worth
  pad: u32,
}
@group(0) @binding(0) var<uniform> job: Job;

@group(0) @binding(1) var<storage, read> elements: array<VECTOR>;
@group(0) @binding(2) var<storage, read_write> partials: array<f32>; // [GROUPS * WG]

@compute @workgroup_size(WG) fn runs(@builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let group = id.x + id.z * groups.x;
  if (group >= GROUPS) { return; }
  let whole = job.count / 4u;
  let each = (whole + GROUPS - 1u) / GROUPS;
  let end = min((group + 1u) * each, whole);
  var sum = vec4f();
  for (var i = group * each + lane; i < end; i += WG) {
    let v = vec4f(elements[i]) * job.scale;
    sum += v * v;
  }
  if (group == 0u && lane == 0u && job.count % 4u > 0u) {
    // What lies behind the last element in its vec4 is anybody's.
    let v = select(vec4f(), vec4f(elements[whole]) * job.scale, vec4u(0u, 1u, 2u, 3u) < vec4u(job.count % 4u));
    sum += v * v;
  }
  partials[group * WG + lane] = (sum.x + sum.y) + (sum.z + sum.w);
}

@group(0) @binding(1) var<storage, read> sums: array<f32>; // [GROUPS * WG]
@group(0) @binding(2) var<storage, read_write> result: array<f32>; // [slot]
var<workgroup> lanes: array<f32, WG>;

@compute @workgroup_size(WG) fn total(@builtin(local_invocation_index) lane: u32) {
  var sum = 0.0;
  for (var i = lane; i < arrayLength(&sums); i += WG) { sum += sums[i]; }
  lanes[lane] = sum;
  workgroupBarrier();
  if (lane == 0u) {
    var all = 0.0;
    for (var l = 0u; l < WG; l++) { all += lanes[l]; }
    result[job.slot] = all;
  }
}
