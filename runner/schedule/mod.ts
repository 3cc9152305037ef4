/**
 * Starting sweeps at times: the keys of a sweep file that say when, the times that follow, the scheduler that starts what is
 * due, its log, and entries for the schedulers of a machine. The clock and the starting of a sweep are given to it. What a sweep
 * does belongs in `../sweep/`, how its points are started in `../launch/`.
 *
 * @module
 */

export {};
