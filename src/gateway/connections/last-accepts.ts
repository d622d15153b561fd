/**
 * Closes a listening socket without resetting clients that wait in the kernel's queue. Runs in the gateway, at its end.
 *
 * A close resets the clients in the queue, though they connected in time and may have sent a request. No call empties the queue and
 * closes in one step. So we accept until nobody comes, and close in that moment. A client that comes in the 20 µs or so between the
 * last look and the close is reset; from here nothing can be done about it.
 *
 * Busy clients come back when they are answered. So we wait until several turns of the event loop had nothing to do: no client was
 * accepted, and none was answered that would come back.
 */
import { createServer, type Server } from 'node:net'

/** A turn that only looks takes some 2 µs. One that answers a client takes ten times as long, or more. */
const IDLE_TURN_MS = 0.02
/** In this time an answered client comes back, if it is running. */
const IDLE_MS = 0.3
/** Under load it may never be quiet for IDLE_MS. So the quiet time that we want shrinks to 0 in this time: then any turn that accepts nobody will do. */
const PATIENCE_MS = 200
/** A stop must end even if clients come faster than they are accepted. */
const MAX_MS = 2000

/** Resolves when the socket is closed: after MAX_MS at the latest. */
export function closeWhenQuiet(server: Server): Promise<void> {
  // The first call of a function compiles it, which takes longer than everything else here.
  createServer().close()
  let accepted = 0
  server.on('connection', () => accepted++)
  const began = performance.now()
  // This turn began some time before the first look.
  let lookedAt = began
  let idleSince = began
  return new Promise(resolve => {
    const look = () => {
      const now = performance.now()
      if (accepted > 0 || now - lookedAt > IDLE_TURN_MS) idleSince = now
      const waited = now - began
      const isQuiet = accepted === 0 && now - idleSince > IDLE_MS * (1 - waited / PATIENCE_MS)
      if (isQuiet || waited > MAX_MS) {
        server.close()
        resolve()
        return
      }
      accepted = 0
      lookedAt = now
      // Runs right after the next poll of the sockets. The poll does not wait while this is due.
      setImmediate(look)
    }
    setImmediate(look)
  })
}
