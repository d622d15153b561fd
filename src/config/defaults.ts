/** Limits and time-outs, each with its reason. Bytes and milliseconds. */
import { readFileSync } from 'node:fs'
import type { Limits, Timeouts } from './types.ts'

const KIB = 1024
const MIB = 1024 * KIB

/** Descriptors that are not client connections: listeners, logs, links to workers, temporary files of those who upload. */
const RESERVED_DESCRIPTORS = 256
/** When the limit cannot be read (no /proc): the usual soft limit, less the reserve, would be too few to be useful. */
const FALLBACK_CONNECTIONS = 4096
/** Memory sets this one: an idle connection costs about 10 KB. */
const MAX_CONNECTIONS = 65_536

export function defaultLimits(): Limits {
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
    connections: connectionLimit(),
    // At 100 requests a second, ten seconds' worth: whoever comes later would not wait for it.
    queue: 1024,
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
  }
}

/** Loopback and Unix sockets: a proxy on the same machine. Anyone else must be named. */
export const DEFAULT_TRUSTED_PROXIES: readonly string[] = ['127.0.0.0/8', '::1', 'unix']

/** Node raises the soft limit to the hard one at start: the hard one counts. */
export function connectionLimit(limitsFile = '/proc/self/limits'): number {
  try {
    const match = /^Max open files\s+\S+\s+(\d+|unlimited)/m.exec(readFileSync(limitsFile, 'utf8'))
    const hard = match?.[1] === 'unlimited' ? Number.POSITIVE_INFINITY : Number(match?.[1])
    if (Number.isNaN(hard)) return FALLBACK_CONNECTIONS
    return Math.max(RESERVED_DESCRIPTORS, Math.min(MAX_CONNECTIONS, hard - RESERVED_DESCRIPTORS))
  } catch {
    return FALLBACK_CONNECTIONS
  }
}
