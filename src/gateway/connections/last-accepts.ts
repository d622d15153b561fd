/**
 * Closes a listening socket without resetting clients that have connected. Runs in the gateway, in its main thread, at its end.
 *
 * A close resets the clients in the kernel's queue, though they connected in time and may have sent a request. It also resets those whose
 * handshake is under way: they are connected as soon as the kernel's answer reaches them. So the kernel first refuses newcomers
 * (`newcomers.ts`). Then we accept until all handshakes are over and the queue is empty, and nobody is reset by the close.
 *
 * Where newcomers cannot be refused, we accept until nobody comes, and close in that moment (`closeWhenQuiet`). A client that comes in the
 * 20 µs or so between the last look and the close is reset, and so is one whose handshake is under way.
 */
import { createServer, type Server } from 'node:net'
import { refuseNewcomers } from './newcomers.ts'

/** A handshake takes one round trip. Few are longer than this, around the world or over a mobile network. */
const HANDSHAKE_MS = 500
/** On one machine it takes some 30 µs: this is for a kernel that has much else to do. */
const LOCAL_HANDSHAKE_MS = 20
/** Of a short graceful timeout most is for the requests. */
const HANDSHAKE_SHARE = 1 / 10

/** A turn that only looks takes some 2 µs. One that answers a client takes ten times as long, or more. */
const IDLE_TURN_MS = 0.02
/** In this time an answered client comes back, if it is running. */
const IDLE_MS = 0.3
/** Under load it may never be quiet for IDLE_MS. So the quiet time that we want shrinks to 0 in this time: then any turn that accepts nobody will do. */
const PATIENCE_MS = 200
/** A stop must end even if clients come faster than they are accepted. */
const MAX_MS = 2000

/**
 * Of a socket on which nobody else listens. Resolves when it is closed. `deadlineMs`: the time that running requests have; handshakes have
 * a part of it.
 */
export async function closeToNewcomers(
  server: Server,
  { fd, isUnix, deadlineMs }: { readonly fd: number; readonly isUnix: boolean; readonly deadlineMs: number },
): Promise<void> {
  if (!(await refuseNewcomers(fd, isUnix))) return closeWhenQuiet(server)
  // A Unix socket has no handshakes.
  if (!isUnix) {
    const ms = Math.min(isLocal(server) ? LOCAL_HANDSHAKE_MS : HANDSHAKE_MS, deadlineMs * HANDSHAKE_SHARE)
    await new Promise(resolve => setTimeout(resolve, ms))
  }
  await queueEmptied(server)
  server.close()
}

/** Only this machine can connect. */
function isLocal(server: Server): boolean {
  const address = server.address()
  return address !== null && typeof address === 'object' && /^(?:::ffff:)?127\.|^::1$/.test(address.address)
}

/** Resolves after a turn in which nobody was accepted. It comes soon, as nobody is new in the queue. */
function queueEmptied(server: Server): Promise<void> {
  // The turn that is under way may have looked before.
  let accepted = 1
  server.on('connection', () => accepted++)
  return new Promise(resolve => {
    const look = () => {
      if (accepted === 0) {
        resolve()
        return
      }
      accepted = 0
      // Runs right after the next poll of the sockets. The poll does not wait while this is due.
      setImmediate(look)
    }
    setImmediate(look)
  })
}

/**
 * Of a socket on which another program may listen, too. Resolves when the socket is closed: after MAX_MS at the latest.
 *
 * Busy clients come back when they are answered. So we wait until several turns of the event loop had nothing to do: no client was
 * accepted, and none was answered that would come back.
 */
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
      setImmediate(look)
    }
    setImmediate(look)
  })
}
