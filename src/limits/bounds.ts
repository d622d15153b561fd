/** Bounds of limits, which the settings check too. */

/** Of moments in microseconds, 203 days: the clock of rates wraps around there. */
export const WRAP = 2 ** 44

/** Microseconds, 50 days: of what is further ahead nobody could say whether it has passed. */
export const MOST_AHEAD = WRAP / 4
