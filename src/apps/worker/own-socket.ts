/**
 * Connects to the socket of a worker, and to nothing else that may be at its path. Runs in the gateway, once for each link.
 *
 * The socket is in the application's directory, where the application may put anything at any moment: a link to the socket of another
 * application, which the gateway may reach and the application may not. So the gateway opens the name without following it, looks at what
 * it has opened, and connects to exactly that.
 *
 * Invariants: what is connected to is a socket, and belongs to the owner of the directory that it is in; no descriptor stays open. The
 * directories on the way are the master's alone, so nobody can replace them.
 * Where the system cannot connect to what is open (only Linux can, with /proc), there is a moment between the look and the connection.
 */
import { closeSync, constants, existsSync, fstatSync, lstatSync, openSync, type Stats } from 'node:fs'
import type { Socket } from 'node:net'
import { dirname } from 'node:path'

const DESCRIPTORS = '/proc/self/fd'
const CAN_CONNECT_TO_OPEN = process.platform === 'linux' && existsSync(DESCRIPTORS)
/** Names what is at the path without opening it. Linux; Node has no constant for it. */
const O_PATH = 0x20_0000

/** The socket emits `error` and `close` when there is nothing to connect to. Never throws. Returns the path that its errors name. */
export function connectToOwnSocket(socket: Socket, path: string): string {
  let fd: number | null = null
  let reached = path
  try {
    if (CAN_CONNECT_TO_OPEN) {
      fd = openSync(path, O_PATH | constants.O_NOFOLLOW)
      reached = `${DESCRIPTORS}/${fd}`
    }
    check(path, fd === null ? lstatSync(path) : fstatSync(fd))
    // The kernel is asked before this returns.
    socket.connect(reached)
  } catch (error) {
    socket.destroy(error as Error)
  } finally {
    if (fd !== null) closeSync(fd)
  }
  return reached
}

function check(path: string, found: Stats): void {
  if (!found.isSocket()) {
    const why = found.isSymbolicLink() ? ': a symbolic link is not followed' : ''
    throw new Error(`${path} is no socket${why}`)
  }
  const { uid } = lstatSync(dirname(path))
  // By a hard link or a rename.
  if (found.uid !== uid) throw new Error(`${path} belongs to user ${found.uid}, its directory to user ${uid}`)
}
