/**
 * When a picture shows nothing.
 *
 * @module
 */

/** A render whose every channel stays this close to its mean shows nothing. */
export const BLANK_DEVIATION = 1 / 255;
/** An evaluation this close to a trivial row (dB) has learnt nothing. */
export const BLANK_DECIBELS = 0.02;
