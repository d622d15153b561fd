/**
 * System calls on descriptors that Node does not have, by `node:ffi`. Runs in the main thread of the gateway and in its threads.
 *
 * Loaded only with several threads, which `config/` allows only where `node:ffi` is there.
 */
import { endianness } from 'node:os'

/** Of C: SOL_SOCKET and SO_LINGER. */
const [LEVEL, OPTION] = process.platform === 'linux' ? [1, 13] : [0xffff, 0x80]

/** struct linger { int l_onoff; int l_linger }: a close resets the connection. */
const RESET = ints(1, 0)
const ORDERLY = ints(0, 0)

export interface DescriptorCalls {
  /** Returns another number for the same socket; -1: there is none left. The gateway starts no programs, so nobody inherits it. */
  dup(fd: number): number
  /** Whether a close without a FIN before it resets the connection of a TCP socket, whoever closes it. An error is ignored. */
  setReset(fd: number, isReset: boolean): void
}

export async function descriptorCalls(): Promise<DescriptorCalls> {
  const { dlopen } = await import('node:ffi')
  const { functions } = dlopen(null, {
    dup: { arguments: ['i32'], return: 'i32' },
    setsockopt: { arguments: ['i32', 'i32', 'i32', 'pointer', 'u32'], return: 'i32' },
  })
  return {
    dup: fd => functions.dup(fd),
    setReset: (fd, isReset) => {
      const value = isReset ? RESET : ORDERLY
      functions.setsockopt(fd, LEVEL!, OPTION!, value, value.length)
    },
  }
}

function ints(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4)
  for (const [i, value] of values.entries())
    if (endianness() === 'LE') bytes.writeInt32LE(value, i * 4)
    else bytes.writeInt32BE(value, i * 4)
  return bytes
}
