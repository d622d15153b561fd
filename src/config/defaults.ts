/** Limits and timeouts that are no settings yet, each with its reason. Bytes and milliseconds. */
import { readText } from './files.ts'
import type { Limits, Timeouts } from './types.ts'

const KIB = 1024
const MIB = 1024 * KIB

/**
 * The share of the descriptors that are not client connections: temporary files of uploads and long responses, and
 * links to workers. A quarter, because few clients upload at one time; never less than what the process itself holds.
 */
const RESERVED_SHARE = 1 / 4
const MIN_RESERVED = 256
/** Where the limit cannot be read (no /proc): what macOS gives a process that raises its soft limit, less the reserve. */
const FALLBACK_CONNECTIONS = 4096
/** Memory sets this one: an idle connection costs about 10 KB. */
const MAX_CONNECTIONS = 65_536

export function defaultLimits(connections: number): Limits {
  return {
    // nginx and Apache: 8 KiB. Longer URLs break in proxies and browsers anyway.
    requestLine: 8 * KIB,
    // Cookies of a browser are up to 4 KiB each; nginx allows 4 × 8 KiB, Node 16 KiB. 64 covers single sign-on tokens.
    headerBytes: 64 * KIB,
    // Apache and gunicorn: 100. Browsers send about 15.
    headerCount: 100,
    // It goes to a temporary file, so that memory does not limit it; nginx's 1 MiB is the classic surprise of first uploads.
    body: 1024 * MIB,
    // Nearly every form and page fits; a thousand slow clients stay within 1 GiB.
    memoryBuffer: MIB,
    // A worker is free as soon as its response fits here; a longer one waits for its client.
    responseBuffer: 256 * MIB,
    connections,
    // At 100 requests a second, ten seconds' worth: whoever comes later would not wait for it.
    queue: 1024,
    // What uvicorn and websockets take: applications that move to Jumak go on working. A message is in memory as a whole.
    websocketMessage: 16 * MIB,
  }
}

export function defaultTimeouts(request: number): Timeouts {
  return {
    // A phone on a bad network needs a few seconds; a slowloris gets no more.
    head: 15_000,
    body: 30_000,
    // Load balancers keep idle connections for 60 s (AWS, nginx, Google 600): closing before them makes random 502s.
    keepAlive: 75_000,
    send: 60_000,
    request,
    queue: 30_000,
    // What docker and Kubernetes allow before they kill (10 and 30 s) is the operator's; systemd has 90 s.
    graceful: 30_000,
    // As uvicorn: proxies and NATs forget silent connections after 30 to 60 s, and a client that has vanished costs 40 s at most.
    websocketPing: 20_000,
    websocketPong: 20_000,
  }
}

/** Loopback and Unix sockets: a proxy on the same machine. Anyone else must be named. */
export const DEFAULT_TRUSTED_PROXIES: readonly string[] = ['127.0.0.0/8', '::1', 'unix']

/**
 * Client connections that the limit on open files leaves room for; `limitsFile` is /proc/self/limits. Node raises the
 * soft limit to the hard one when it starts, so the hard one counts.
 */
export function connectionLimit(limitsFile: string): number {
  const hard = /^Max open files\s+\S+\s+(\d+|unlimited)/m.exec(readText(limitsFile) ?? '')?.[1]
  if (hard === undefined) return FALLBACK_CONNECTIONS
  if (hard === 'unlimited') return MAX_CONNECTIONS
  const reserve = Math.max(MIN_RESERVED, Math.ceil(Number(hard) * RESERVED_SHARE))
  // A limit that small serves nobody well; half and half is the best of it.
  return Math.min(MAX_CONNECTIONS, Math.max(Number(hard) - reserve, Math.floor(Number(hard) / 2)))
}
