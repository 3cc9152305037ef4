/**
 * Starting the points of a sweep and following them until each has a result: processes of this machine, and job arrays of Slurm.
 * Whatever starts points is a `Launcher` (`launcher.ts`) and must bear that a point is launched again. Which points there are, and
 * what they do, belongs in `../sweep/`. Child processes that hang on a leash (`child.ts`) live here, too.
 *
 * @module
 */

export {};
