/**
 * Gives a client's TCP socket to another process, which then has a descriptor of it as we do (SCM_RIGHTS). Node sends descriptors only to
 * its own child processes, so `node:ffi` calls the C library. Runs in the gateway; the C library is opened with the first WebSocket of WSGI.
 *
 * Null where that is not possible: another system than Linux on a 64-bit machine that is little-endian, a Node without `node:ffi`. The bytes
 * pass through us then (`apps/raw/tunnel.ts`).
 */
import { endianness } from 'node:os'
import type { SocketPassing } from '../../apps/raw/passing.ts'
import { CLIENT_PASSED } from '../../apps/wire/frames.ts'

// Of Linux's headers.
const SOL_SOCKET = 1
const SCM_RIGHTS = 1
const MSG_DONTWAIT = 0x40
const MSG_NOSIGNAL = 0x4000
const IPPROTO_TCP = 6
const TCP_INFO = 11
const TCP_USER_TIMEOUT = 18
const SHUT_RDWR = 2
const [F_GETFL, F_SETFL] = [3, 4]
const O_NONBLOCK = 0x800
/** Where struct tcp_info has `tcpi_notsent_bytes` (u32), `tcpi_bytes_sent` and `tcpi_bytes_retrans` (u64), and its length with them (Linux 4.19). */
const [NOT_SENT, SENT, SENT_AGAIN, TCP_INFO_SIZE] = [144, 200, 208, 216]

interface Ffi {
  dlopen(
    path: null,
    definitions: Record<string, { arguments: string[]; return: string }>,
  ): { functions: Record<string, (...args: unknown[]) => number | bigint> }
  getRawPointer(buffer: Buffer): bigint
}

let passing: SocketPassing | null | undefined

export function socketPassing(): SocketPassing | null {
  if (passing === undefined) passing = load()
  return passing
}

function load(): SocketPassing | null {
  const isKnown = process.platform === 'linux' && ['x64', 'arm64'].includes(process.arch) && endianness() === 'LE'
  const ffi = isKnown ? (process.getBuiltinModule('node:ffi' as 'node:os') as unknown as Ffi | undefined) : undefined
  if (ffi === undefined) return null
  try {
    return made(ffi)
  } catch {
    return null
  }
}

function made({ dlopen, getRawPointer }: Ffi): SocketPassing {
  const { functions } = dlopen(null, {
    sendmsg: { arguments: ['i32', 'pointer', 'i32'], return: 'i64' },
    setsockopt: { arguments: ['i32', 'i32', 'i32', 'pointer', 'u32'], return: 'i32' },
    getsockopt: { arguments: ['i32', 'i32', 'i32', 'pointer', 'pointer'], return: 'i32' },
    shutdown: { arguments: ['i32', 'i32'], return: 'i32' },
    fcntl: { arguments: ['i32', 'i32', 'i32'], return: 'i32' },
  })
  const { sendmsg, setsockopt, getsockopt, shutdown, fcntl } = functions
  // They refer to each other by address, so they must live as long as the functions.
  const content = Buffer.alloc(1, CLIENT_PASSED)
  const vector = Buffer.alloc(16)
  vector.writeBigUInt64LE(getRawPointer(content), 0)
  vector.writeBigUInt64LE(1n, 8)
  const control = Buffer.alloc(24)
  control.writeBigUInt64LE(20n, 0)
  control.writeInt32LE(SOL_SOCKET, 8)
  control.writeInt32LE(SCM_RIGHTS, 12)
  const message = Buffer.alloc(56)
  message.writeBigUInt64LE(getRawPointer(vector), 16)
  message.writeBigUInt64LE(1n, 24)
  message.writeBigUInt64LE(getRawPointer(control), 32)
  message.writeBigUInt64LE(24n, 40)
  const keep = [content, vector, control]
  const info = Buffer.alloc(256)
  const length = Buffer.alloc(4)
  const number = Buffer.alloc(4)
  return {
    pass(connection, client, sendMs) {
      number.writeUInt32LE(sendMs)
      setsockopt!(client, IPPROTO_TCP, TCP_USER_TIMEOUT, number, 4)
      control.writeInt32LE(client, 16)
      return keep.length > 0 && sendmsg!(connection, message, MSG_DONTWAIT | MSG_NOSIGNAL) === 1n
    },
    writtenBytes(client) {
      length.writeUInt32LE(info.length)
      if (getsockopt!(client, IPPROTO_TCP, TCP_INFO, info, length) !== 0) return 0
      if (length.readUInt32LE() < TCP_INFO_SIZE) return 0
      return Number(info.readBigUInt64LE(SENT) - info.readBigUInt64LE(SENT_AGAIN)) + info.readUInt32LE(NOT_SENT)
    },
    takeBack(client) {
      const flags = Number(fcntl!(client, F_GETFL, 0))
      if (flags >= 0) fcntl!(client, F_SETFL, flags | O_NONBLOCK)
    },
    cut(client) {
      shutdown!(client, SHUT_RDWR)
    },
  }
}
