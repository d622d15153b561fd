/** Limits that are no settings, each with its reason, and the one that the machine sets. Bytes. */
import { readText } from './files.ts'

const MIB = 1024 * 1024

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

/** Of all connections, those that one address may have: the other half is for everybody else. */
export const ADDRESS_SHARE = 1 / 2

/** Nearly every form and page fits; a thousand slow clients stay within 1 GiB. */
export const MEMORY_BUFFER = MIB
/** A worker is free as soon as its response fits here; a longer one waits for its client. */
export const RESPONSE_BUFFER = 256 * MIB

/** Where the limit cannot be read. */
const FALLBACK_FILES = 256
const MIN_FILES = 16
/** Of what connections leave: the other half is for files that are sent, links to workers, and the process itself. */
const FILES_SHARE = 1 / 2

/** Client connections that the limit on open files leaves room for; `limitsFile` is /proc/self/limits. */
export function connectionLimit(limitsFile: string): number {
  const hard = descriptorLimit(limitsFile)
  if (hard === null) return FALLBACK_CONNECTIONS
  const reserve = Math.max(MIN_RESERVED, Math.ceil(hard * RESERVED_SHARE))
  // A limit that small serves nobody well; half and half is the best of it.
  return Math.min(MAX_CONNECTIONS, Math.max(hard - reserve, Math.floor(hard / 2)))
}

/** Temporary files that it leaves room for beside so many connections. */
export function temporaryFileLimit(limitsFile: string, connections: number): number {
  const hard = descriptorLimit(limitsFile)
  if (hard === null) return FALLBACK_FILES
  // Request and response of each connection: nobody has more.
  return Math.max(MIN_FILES, Math.min(connections * 2, Math.floor((hard - connections) * FILES_SHARE)))
}

/** Node raises the soft limit to the hard one when it starts, so the hard one counts. Null: unknown. */
function descriptorLimit(limitsFile: string): number | null {
  const hard = /^Max open files\s+\S+\s+(\d+|unlimited)/m.exec(readText(limitsFile) ?? '')?.[1]
  if (hard === undefined) return null
  return hard === 'unlimited' ? Number.MAX_SAFE_INTEGER : Number(hard)
}
