/**
 * How a listening socket closes without resetting anybody who waits in the kernel's queue. Runs in the gateway, at its end.
 *
 * Who is in the queue when a socket closes is reset, though it connected in time and may have sent its request. No call empties
 * the queue and closes in one step. So accepting goes on until nobody comes, and the socket is closed in that very moment: what
 * arrives in the 20 µs or so between the last look and the close is reset, and nothing can be done about it from here.
 *
 * Clients that hammer come back when they are answered. So the moment is one in which several turns of the event loop had
 * nothing at all to do: nobody was accepted, and nobody was answered either who would be on the way back.
 */
import { createServer, type Server } from 'node:net'

/** A turn that only looks takes some 2 µs, one that answers somebody ten times as long and more. */
const IDLE_TURN_MS = 0.02
/** Time for a client that was answered to come back, if it runs at all. */
const IDLE_MS = 0.3
/** Under load it may never be quiet for IDLE_MS. So the time that is asked for shrinks, and is 0 after this: any turn that accepts nobody will do. */
const PATIENCE_MS = 200
/** Clients come faster than they are accepted: a stop must end all the same. */
const MAX_MS = 2000

/** Stops accepting, and resolves then: after MAX_MS at the latest. */
export function closeWhenQuiet(server: Server): Promise<void> {
  // What is called for the first time is compiled first, which takes longer than everything else here.
  createServer().close()
  let accepted = 0
  server.on('connection', () => accepted++)
  const began = performance.now()
  // The turn that we are in began some time before the first look.
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
      // Right after the next poll of the sockets, which does not wait while this is due.
      setImmediate(look)
    }
    setImmediate(look)
  })
}
