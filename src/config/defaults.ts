/** Limits that are no settings, each with its reason, and the one that the machine sets. Bytes. */
import { readText } from './machine/files.ts'

const MIB = 1024 * 1024

/**
 * Descriptors that the gateway holds whatever happens: listeners, logs, channels, Node's own (about 25 in all), and the
 * connections that are being refused.
 */
const OWN_DESCRIPTORS = 128
/** A reload doubles the workers for a while. */
const GENERATIONS = 2
/** Of what is left, the client connections; the rest is for files, because few clients upload or download at one time. */
const CONNECTIONS_SHARE = 3 / 4
/** Where the limit cannot be read (no /proc): what macOS gives a process that raises its soft limit, less the reserve. */
const FALLBACK_CONNECTIONS = 4096
/** Memory sets this one: an idle connection costs about 10 KB. */
const MAX_CONNECTIONS = 65_536

/** Of all connections, those that one address may have: the other half is for everybody else. */
export const ADDRESS_SHARE = 1 / 2

/** Nearly every form and page fits; a thousand slow clients stay within 1 GiB. */
export const MEMORY_BUFFER = MIB
/** A worker is free as soon as its response fits here; a longer one waits for its client. */
export const RESPONSE_BUFFER = 256 * MIB

/** Where the limit cannot be read. */
const FALLBACK_FILES = 256
const MIN_FILES = 16

/**
 * Client connections that the limit on open files leaves room for; `limitsFile` is /proc/self/limits, `links` those of the
 * gateway to one generation of workers.
 */
export function connectionLimit(limitsFile: string, links: number): number {
  const free = freeDescriptors(limitsFile, links)
  return free === null ? FALLBACK_CONNECTIONS : Math.min(MAX_CONNECTIONS, Math.floor(free * CONNECTIONS_SHARE))
}

/** Files that it leaves room for beside so many connections: temporary ones, and those that are sent. */
export function openFileLimit(limitsFile: string, links: number, connections: number): number {
  const free = freeDescriptors(limitsFile, links)
  if (free === null) return FALLBACK_FILES
  // Request and response of each connection: nobody has more.
  return Math.max(MIN_FILES, Math.min(connections * 2, free - connections))
}

/** A line of /proc/<pid>/limits. */
const OPEN_FILES = 'Max open files '

/** For connections and files. Null: unknown. */
function freeDescriptors(limitsFile: string, links: number): number | null {
  // Node raises the soft limit to the hard one when it starts, so the hard one counts.
  const line = (readText(limitsFile) ?? '').split('\n').find(one => one.startsWith(OPEN_FILES))
  // The soft one, the hard one, their unit.
  const hard = line?.slice(OPEN_FILES.length).trim().split(/\s+/)[1]
  if (hard === undefined) return null
  const descriptors = hard === 'unlimited' ? Number.MAX_SAFE_INTEGER : Number(hard)
  // A limit that small serves nobody well; half and half is the best of it.
  return Math.max(descriptors - OWN_DESCRIPTORS - GENERATIONS * links, Math.floor(descriptors / 2))
}
