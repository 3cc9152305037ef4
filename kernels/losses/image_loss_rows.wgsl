// Rows of the window over whatever source_at gives. Thread: SPAN pixels of a row. Constants: ROWS (binding).
@group(0) @binding(ROWS) var<storage, read_write> rows: array<Values>; // [pixel]

@compute @workgroup_size(WG) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = linear_index(id, groups, WG);
  let width = picture.size.x;
  let spans = (width + SPAN - 1u) / SPAN;
  let y = i / spans;
  let x = i % spans * SPAN;
  if (y >= picture.size.y) { return; }
  let sums = blurred(y * width, 1u, x, width);
  for (var j = 0u; j < SPAN; j++) {
    if (x + j < width) { rows[y * width + x + j] = sums[j]; }
  }
}
