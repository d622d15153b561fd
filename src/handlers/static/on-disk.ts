/**
 * What a name of the machine is: for conditions of a configuration (`-f`, `-d`). It says no more than that, and nothing is opened. Runs in the
 * gateway, in libuv's threads. What was looked at within the last second costs no system call.
 *
 * Invariant: it sees more than is served (hidden names, links that lead out of a directory), as the operator who has written the condition does.
 */
import { stat } from 'node:fs/promises'
import { CHECK_MS } from './cache.ts'
import { orNull } from './files.ts'

export interface OnDisk {
  readonly isFile: boolean
  readonly isDirectory: boolean
  /** By its owner. */
  readonly isExecutable: boolean
}

/** Names that were looked at lately. Strangers may choose them, so only so many are kept. */
const MAX_NAMES = 1024
/** PATH_MAX of Linux: no longer name is there. */
const MAX_LENGTH = 4096
const OWNER_MAY_EXECUTE = 0o100

export class DiskNames {
  readonly #seen = new Map<string, { readonly startedAt: number; found: OnDisk | null | Promise<OnDisk | null> }>()

  /** `name`: absolute; each character is a byte. Null: nothing is there. Fails with HttpError where it cannot be known. */
  look(name: string): OnDisk | null | Promise<OnDisk | null> {
    if (!name.startsWith('/') || name.length >= MAX_LENGTH || name.includes('\0')) return null
    const known = this.#seen.get(name)
    const startedAt = performance.now()
    if (known !== undefined && startedAt - known.startedAt < CHECK_MS) return known.found
    if (this.#seen.size >= MAX_NAMES) this.#seen.clear()
    const found = lookAt(name)
    const seen = { startedAt, found: found as OnDisk | null | Promise<OnDisk | null> }
    this.#seen.set(name, seen)
    found.then(
      one => {
        seen.found = one
      },
      () => {
        if (this.#seen.get(name) === seen) this.#seen.delete(name)
      },
    )
    return found
  }
}

async function lookAt(name: string): Promise<OnDisk | null> {
  const stats = await orNull(stat(Buffer.from(name, 'latin1')))
  if (stats === null) return null
  return {
    isFile: stats.isFile(),
    isDirectory: stats.isDirectory(),
    isExecutable: (stats.mode & OWNER_MAY_EXECUTE) !== 0,
  }
}
