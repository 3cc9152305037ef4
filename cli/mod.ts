/**
 * The command line; docs/commands.md lists the commands. The only folder that may import every other one; nothing
 * imports it. Here live the words that a user types and the text that a user reads, and the bridge from `kernels/` to the
 * runner's `Environment`. What a command does belongs in `runner/` or `reports/`, not here. Commands are
 * loaded when they are called.
 *
 * @module
 */

export {};
