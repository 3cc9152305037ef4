/**
 * Benchmarks: how fast kernels and whole training steps are on this machine, beside a pure arithmetic loop measured in the
 * same run. Programs, not tests: nothing here decides whether the code is right, and no test is timed.
 * May import everything: `students.ts` finds its runs as `render` does. Figures worth keeping are written into
 * docs/performance.md with machine and date.
 * No training for quality (experiments/), and no result here enters a report (reports/ reads runs only).
 * Nothing imports this folder.
 *
 * @module
 */

export {};
