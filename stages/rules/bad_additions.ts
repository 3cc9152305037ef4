/**
 * Bad additions: a pass over a picture that begins with new Gaussians, is much worse for them, and never makes up for it.
 *
 * @module
 */
import type { Rule } from "../../runner/diagnosis.ts";
import { cells } from "./_looks.ts";
import { changesOf, MUCH_WORSE, passesOf, thrownBack } from "./_passes.ts";

/** Fires on a pass that was thrown back by 3 dB before its first step, and was undone at its end. */
export const badAdditions: Rule = {
  id: "bad-additions",
  severity: "warning",
  docs: "docs/rules.md#bad-additions",
  watches: ["fit_gaussians"],
  live: true,
  check(evidence) {
    const bad = passesOf(evidence).filter(({ ended }) => ended?.["kept"] === 0 && thrownBack(ended) > MUCH_WORSE);
    const [first] = bad, ended = first?.ended;
    if (!first || !ended) return undefined;
    const of = (column: string) => Number(ended[column]).toFixed(2);
    return {
      message: `Pass ${first.pass} of ${first.image} began at ${
        of("psnr_start")
      } dB, where the one before had ended at ${of("psnr_before")} dB (${changesOf(ended)}); it came to ${
        of("psnr_end")
      } dB and was undone${bad.length > 1 ? `, as ${bad.length - 1} later` : ""}`,
      evidence: bad.slice(0, 3).map((pass) =>
        cells(pass.ended!, "image", "pass", "added", "pruned", "psnr_before", "psnr_start", "psnr_end")
      ),
      suggestion: Number(ended["added"]) > 0
        ? "Look at what is added: a new Gaussian has the size of what is wrong around it, a colour between 0 and 1 (with blend=sum that of what is missing), and starts without Adam's moments. Add fewer at a time (more passes, or a larger initial), and give them more steps"
        : "Lower prune: it removes Gaussians that the picture needs",
    };
  },
};
