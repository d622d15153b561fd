/** Limits that are no settings, each with its reason, and limits that follow from the number of open files. Sizes are bytes. */
import { readText } from './machine/files.ts'

const MIB = 1024 * 1024

/** Descriptors that the gateway always needs: listeners, logs, channels, Node's own (about 25), and connections that it refuses. */
const OWN_DESCRIPTORS = 128
/** Of them are in use while nobody is refused. */
const LEAST_OWN_DESCRIPTORS = 32
/** Of several threads of the gateway each has an event loop (5) and a log, which it may have open twice. */
const THREAD_DESCRIPTORS = 8
/** During a reload there are twice as many workers. */
const GENERATIONS = 2
/** Part of the remaining descriptors that is for client connections. The rest is for files: few clients upload or download at a time. */
const CONNECTIONS_SHARE = 3 / 4
/** Where the limit cannot be read (no /proc): the limit of macOS for a process that raises its soft limit, without the reserve. */
const FALLBACK_CONNECTIONS = 4096
/** More than one program should have; memory may allow fewer (`machine/memory.ts`). */
const MAX_CONNECTIONS = 65_536

/** Part of all connections, and of a queue, that one address may have: the other half is for everybody else. */
export const ADDRESS_SHARE = 1 / 2

/** Nearly every form and page fits, and a thousand slow clients need 1 GiB at most. */
export const MEMORY_BUFFER = MIB
/** A worker is free as soon as its response fits here. With a longer response it waits for the client. */
export const RESPONSE_BUFFER = 256 * MIB

/** Where the limit cannot be read. */
const FALLBACK_FILES = 256
const MIN_FILES = 16

/**
 * Client connections that the limit on open files allows. `limitsFile`: /proc/self/limits. `links`: to one generation of workers.
 * `threads`: of the gateway; each has links of its own.
 */
export function connectionLimit(limitsFile: string, links: number, threads: number): number {
  const free = freeDescriptors(limitsFile, links, threads)
  return free === null ? FALLBACK_CONNECTIONS : Math.min(MAX_CONNECTIONS, Math.floor(free * CONNECTIONS_SHARE))
}

/** Files that the limit allows beside so many connections: temporary files, and files that are sent. */
export function openFileLimit(limitsFile: string, links: number, threads: number, connections: number): number {
  const free = freeDescriptors(limitsFile, links, threads)
  if (free === null) return FALLBACK_FILES
  // A connection has two at most: for its request and its response.
  return Math.max(MIN_FILES, Math.min(connections * 2, free - connections))
}

export interface TooManyDescriptors {
  /** Descriptors that the gateway itself holds: most of them are links, twice as many during a reload. */
  readonly held: number
  /** The limit on open files. */
  readonly allowed: number
}

/** Null: so many threads leave at least half of the descriptors for clients, or the limit is not known. */
export function tooManyDescriptors(limitsFile: string, links: number, threads: number): TooManyDescriptors | null {
  const allowed = readLimit(limitsFile)
  const held = LEAST_OWN_DESCRIPTORS + threadDescriptors(links, threads)
  return allowed === null || held <= allowed / 2 ? null : { held, allowed }
}

function threadDescriptors(links: number, threads: number): number {
  return (threads > 1 ? threads * THREAD_DESCRIPTORS : 0) + GENERATIONS * links * threads
}

/** Descriptors for connections and files. Null: unknown. */
function freeDescriptors(limitsFile: string, links: number, threads: number): number | null {
  const descriptors = readLimit(limitsFile)
  if (descriptors === null) return null
  // With a very small limit one half is for them.
  return Math.max(descriptors - OWN_DESCRIPTORS - threadDescriptors(links, threads), Math.floor(descriptors / 2))
}

/** A line of /proc/<pid>/limits. */
const OPEN_FILES = 'Max open files '

/** The limit on open files. Null: unknown. */
function readLimit(limitsFile: string): number | null {
  // Node raises the soft limit to the hard one when it starts, so the hard one counts.
  const line = (readText(limitsFile) ?? '').split('\n').find(one => one.startsWith(OPEN_FILES))
  // The soft limit, the hard limit, their unit.
  const hard = line?.slice(OPEN_FILES.length).trim().split(/\s+/)[1]
  if (hard === undefined) return null
  return hard === 'unlimited' ? Number.MAX_SAFE_INTEGER : Number(hard)
}
