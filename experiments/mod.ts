/**
 * Experiments: one declarative file per line of the roadmap, run by `deno task run experiments/NAME.ts`.
 * A file's default export is what `experiment()` returns: parameters, presets, a pipeline of stage calls, gates.
 * May import stages/ and runner/. No computing, no files, no clock: the pipeline only describes work, and runs again in
 * the GPU worker. What two experiments share belongs in stages/.
 * Nothing imports an experiment, so this file exports nothing; `deno task list` shows what there is.
 *
 * @module
 */

export {};
