/**
 * Not the target: a teacher that is compared with its own views and does not match them.
 *
 * @module
 */
import type { GroupRule } from "../../runner/diagnosis.ts";
import type { Origin } from "../../runner/origin.ts";

/**
 * Fires on an evaluation of a teacher against views that it exported itself, when PSNR is not infinite or SSIM is not 1. That the
 * two are one and the same is read from the stage keys.
 */
export const notTheTarget: GroupRule = {
  id: "not-the-target",
  severity: "critical",
  docs: "docs/rules.md#not-the-target",
  watches: ["evaluate"],
  compare(evidence) {
    return evidence.flatMap((item) => {
      const { student, teacher } = item.inputs, { psnr_teacher: psnr, ssim_teacher: ssim } = item.metrics;
      if (!student || psnr === undefined || ssim === undefined) return [];
      if (!shows(teacher, student) || (psnr === Infinity && ssim === 1)) return [];
      return [{
        members: [item],
        message: `${student.node} against its own views scores ${psnr.toFixed(2)} dB and SSIM ${
          ssim.toFixed(4)
        }, where inf and 1 are expected: pictures are made or compared in two ways`,
        evidence: [{ psnr_teacher: psnr, ssim_teacher: ssim }],
        suggestion:
          "Train no student yet: compare one exported view with a render of the same camera, pixel by pixel. Look for alpha that is multiplied in twice, another background, colours encoded as sRGB, 8-bit files, rows from the bottom",
      }];
    });
  },
};

/** Whether views were exported of this model. */
function shows(views: Origin | undefined, model: Origin): boolean {
  const source = views?.inputs["teacher"];
  return source !== undefined && (source.key === model.key || shows(source, model));
}
