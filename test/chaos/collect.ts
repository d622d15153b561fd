/** Loaded into the Node processes of a soak. It collects garbage all the time, so measured memory is memory in use. */
const EVERY_MS = 250

setInterval(() => globalThis.gc?.(), EVERY_MS).unref()
