/** Loaded into the Node processes of a soak: what is measured of them then is alive, and is not garbage that waits. */
const EVERY_MS = 250

setInterval(() => globalThis.gc?.(), EVERY_MS).unref()
