import assert from "node:assert/strict";
import type { ComparedEvidence } from "../../runner/diagnosis.ts";
import type { Origin } from "../../runner/origin.ts";
import { notTheTarget } from "./not_the_target.ts";

const origin = (node: string, inputs: Record<string, Origin> = {}): Origin => ({
  ...{ node, stage: node, key: `key of ${node}`, params: {}, code: "c", data: {}, inputs },
});
const teacher = origin("teacher"), exported = origin("exported", { teacher });

function check(student: Origin, metrics: Record<string, number>, views: Origin | undefined = exported) {
  const evidence: ComparedEvidence = {
    ...{ node: "evaluate", stage: "evaluate", metrics, tables: () => [], run: "r", params: {} },
    inputs: { student, ...(views ? { teacher: views } : {}) },
  };
  return notTheTarget.compare([evidence])[0]?.message;
}

Deno.test("notTheTarget fires on a teacher that its own views do not match, to the last bit", () => {
  assert.match(
    check(teacher, { psnr_teacher: 62.29, ssim_teacher: 0.99999 }) ?? "",
    /^teacher against its own views scores 62\.29 dB and SSIM 1\.0000, where inf and 1 are expected/,
  );
  assert.ok(check(teacher, { psnr_teacher: Infinity, ssim_teacher: 0.99 }));
  assert.ok(check(teacher, { psnr_teacher: 20, ssim_teacher: 0.9 }, origin("changed", { teacher: exported })));
});

Deno.test("notTheTarget is silent on a perfect teacher, on a student, and without a teacher", () => {
  assert.equal(check(teacher, { psnr_teacher: Infinity, ssim_teacher: 1 }), undefined);
  assert.equal(check(origin("student", { teacher: exported }), { psnr_teacher: 31, ssim_teacher: 0.9 }), undefined);
  assert.equal(check(teacher, { psnr: 30 }), undefined);
});
