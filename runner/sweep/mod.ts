/**
 * Sweeps: what a sweep file may say, the spaces and samplers (grid, random, Sobol, TPE, successive halving), the sweep's folder, the
 * copy of the code, the loop that drives waves of points, and what one point does in its process. What is chosen is a pure function
 * of the points and results so far. How points are started belongs in `../launch/`, when a sweep begins in `../schedule/`, what
 * people see in `cli/`.
 *
 * @module
 */

export {};
