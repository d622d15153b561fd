/** Unix sockets: the longest path, and whether somebody answers. For the listeners and the runtime directory. Runs in the master. */
import { connect } from 'node:net'
import { OperatorError } from '../errors.ts'

/** macOS allows 103 bytes and Linux 107. One limit for both keeps configurations portable. */
const MAX_PATH_BYTES = 103
/** The kernel answers a connection to a local socket at once. Only a full backlog takes longer, and then somebody is there. */
const PROBE_MS = 1000

/** Throws an OperatorError when the path is too long for the kernel. */
export function checkSocketPath(path: string, what: string): void {
  const bytes = Buffer.byteLength(path)
  if (bytes > MAX_PATH_BYTES)
    throw new OperatorError(
      `${what}: the path of a Unix socket may have ${MAX_PATH_BYTES} bytes, this one has ${bytes}: ${path}`,
    )
}

/**
 * Whether a program listens on the path. False is certain: the connection is refused, or nothing is there. A socket that we may not
 * connect to counts as answering, because it is somebody's.
 */
export function isSocketAnswering(path: string): Promise<boolean> {
  return new Promise(resolve => {
    const probe = connect({ path })
    const finish = (answering: boolean) => {
      clearTimeout(timer)
      probe.destroy()
      resolve(answering)
    }
    const timer = setTimeout(() => finish(true), PROBE_MS)
    probe.on('connect', () => finish(true))
    probe.on('error', (error: NodeJS.ErrnoException) =>
      finish(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT'),
    )
  })
}
