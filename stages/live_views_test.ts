import assert from "node:assert/strict";
import { FitSplats, fitSplats } from "./fit_splats.ts";
import { liveMemory } from "./live_views.ts";

Deno.test("liveMemory leaves out what the training holds already, and names the rest", () => {
  const plan = [{ name: "splat means", bytes: 16 }, { name: "splat tiles", bytes: 64 }];
  assert.deepEqual(liveMemory(plan, ["splat means"]), [{ name: "live splat tiles", bytes: 64 }]);
});

Deno.test("fitSplats plans its live renderer beside the training, without a second copy of the splats", () => {
  const names = fitSplats.definition.memory(FitSplats.parse({})).map(({ name }) => name);
  assert.equal(new Set(names).size, names.length, "no buffer is counted twice");
  assert.ok(names.includes("splat means") && names.includes("live projected splats"), names.join(", "));
  assert.deepEqual(names.filter((name) => name.startsWith("live") && name.endsWith("means")), []);
});
