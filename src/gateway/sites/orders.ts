/**
 * What nginx takes from an application or an upstream as an order, and X-Sendfile, of which the application's own handler has left nothing where it
 * may be obeyed. They are not for clients. X-Accel-Buffering is followed where an upstream's content is kept (`upstream/call.ts`). X-Accel-Expires is
 * for a cache, which there is not. Runs in the gateway, for each field of a response; pure.
 */
const IS_ORDER = /^x-(?:accel-(?:redirect|buffering|expires|limit-rate|charset)|sendfile)$/i
const LETTER_X = 0x78

/** Looks at most names no further than at their first letter. */
export function isOrder(name: string): boolean {
  return (name.charCodeAt(0) | 0x20) === LETTER_X && IS_ORDER.test(name)
}
