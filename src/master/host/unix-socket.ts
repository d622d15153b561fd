/** What the listeners and the runtime directory both need to know about Unix socket paths. Runs in the master. */
import { connect } from 'node:net'
import { OperatorError } from '../errors.ts'

/** macOS takes 103 bytes and Linux 107; one limit for both keeps configurations portable. */
const MAX_PATH_BYTES = 103
/** Connecting to a local socket is answered by the kernel at once; only a full backlog (somebody is there) takes longer. */
const PROBE_MS = 1000

/** Throws an OperatorError when the kernel would not take the path. */
export function checkSocketPath(path: string, what: string): void {
  const bytes = Buffer.byteLength(path)
  if (bytes > MAX_PATH_BYTES)
    throw new OperatorError(
      `${what}: the path of a Unix socket may have ${MAX_PATH_BYTES} bytes, this one has ${bytes}: ${path}`,
    )
}

/**
 * Whether a program listens on the path. No means sure: connection refused, or nothing there. A socket that may not be
 * touched counts as answering: it is somebody's.
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
