/** Aliasing: waves too fast for the pixels agree with those they saw, and mean nothing in between. */
import type { Rule } from "stillroom/kit";

/** A healthy picture is about as good between the pixels that it saw (dB). */
const MOST_DECIBELS = 4;

/** Fires when the pixels that were trained on score far better than those that were not. */
export const aliasing: Rule = {
  id: "aliasing",
  severity: "critical",
  docs: "README.md#aliasing",
  check({ metrics: { psnr, psnr_seen } }) {
    if (psnr === undefined || psnr_seen === undefined || psnr_seen - psnr <= MOST_DECIBELS) return undefined;
    return {
      message: `Pixels that were trained on reach ${psnr_seen.toFixed(1)} dB, those between them ${psnr.toFixed(1)} dB`,
      evidence: [{ psnr_seen, psnr }],
      suggestion: "Lower spread: waves faster than half a cycle per pixel cannot be told from slower ones",
    };
  },
};
