/** Constants that a test changes to see whether keys notice. */

/** Multiplies the numbers. */
export const scale = 0.25;

/** Written into the evaluation. */
export const label = "toy";
