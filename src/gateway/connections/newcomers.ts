/**
 * Lets the kernel refuse new clients of a listening socket from now on; those that it has let in stay. Runs in the gateway, in its main
 * thread, at a stop. Never for a socket on which another program goes on: nobody could connect to that either.
 *
 * TCP: the socket is bound to an interface that does not exist, so no packet that begins a connection finds it. A handshake that has begun is
 * completed: the kernel finds it by itself. Unix sockets: the side that reads is shut down. Both are calls of Linux, by `node:ffi`.
 */

/** Of Linux. */
const SOL_SOCKET = 1
const SO_BINDTOIFINDEX = 62
const SHUT_RD = 0

const NO_INTERFACE = new Uint8Array(new Int32Array([0x7fff_ffff]).buffer)

/**
 * Resolves with false if it is not possible, and then nothing has changed: another system, Node 24, Linux before 5.7, or a socket that is
 * bound to an interface.
 */
export async function refuseNewcomers(fd: number, isUnix: boolean): Promise<boolean> {
  if (process.platform !== 'linux') return false
  try {
    const { dlopen } = await import('node:ffi')
    const { functions } = dlopen(null, {
      setsockopt: { arguments: ['i32', 'i32', 'i32', 'pointer', 'u32'], return: 'i32' },
      shutdown: { arguments: ['i32', 'i32'], return: 'i32' },
    })
    const failed = isUnix
      ? functions.shutdown(fd, SHUT_RD)
      : functions.setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, NO_INTERFACE, NO_INTERFACE.length)
    return failed === 0
  } catch {
    return false
  }
}
