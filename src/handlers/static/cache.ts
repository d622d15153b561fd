/**
 * Entries of files that were asked for lately, bounded in number and bytes, and the names of files that are not there.
 * Runs in the gateway. What was looked at longer ago than CHECK_MS must be looked at again before it is believed: that is the
 * longest time for which a changed, added or removed file is answered as it was.
 */
import type { Entry } from './entry.ts'

/** A person who saves a file and reloads the page sees it; a busy file costs one look a second, and no system call in between. */
export const CHECK_MS = 1000
/** All the small files of a large site (the admin of Django has 150), and no more than a worker's share of memory. */
const MAX_BYTES = 16 * 1024 * 1024
const MAX_ENTRIES = 2048
/** For a mount at `/`, where most paths are the application's: strangers choose them, so they are few and short. */
const MAX_ABSENT = 1024
const MAX_ABSENT_LENGTH = 256

interface Held {
  entry: Entry
  checkedAt: number
  /** Asked for since the last search for room: gets a second chance. */
  isUsed: boolean
}

export class FileCache {
  readonly #held = new Map<string, Held>()
  readonly #absent = new Map<string, number>()
  #bytes = 0

  /** Null: known not to be there. Undefined: must be looked at. */
  fresh(path: string, now: number): Entry | null | undefined {
    const held = this.#held.get(path)
    if (held === undefined) {
      const checkedAt = this.#absent.get(path)
      return checkedAt !== undefined && now - checkedAt < CHECK_MS ? null : undefined
    }
    held.isUsed = true
    return now - held.checkedAt < CHECK_MS ? held.entry : undefined
  }

  /** Whatever its age. */
  last(path: string): Entry | undefined {
    return this.#held.get(path)?.entry
  }

  /** What was found for a path at the moment `checkedAt`, when the look began. */
  learn(path: string, entry: Entry | null, checkedAt: number): void {
    const held = this.#held.get(path)
    if (held !== undefined) {
      this.#bytes -= held.entry.bytes
      if (entry === null) {
        this.#held.delete(path)
      } else {
        held.entry = entry
        held.checkedAt = checkedAt
        this.#bytes += entry.bytes
      }
    } else if (entry !== null) {
      this.#held.set(copied(path), { entry, checkedAt, isUsed: false })
      this.#bytes += entry.bytes
    }
    this.#absent.delete(path)
    if (entry === null) this.#learnAbsent(path, checkedAt)
    this.#makeRoom()
  }

  get bytes(): number {
    return this.#bytes
  }
  get size(): number {
    return this.#held.size
  }

  #learnAbsent(path: string, checkedAt: number): void {
    if (path.length > MAX_ABSENT_LENGTH) return
    if (this.#absent.size >= MAX_ABSENT) this.#absent.clear()
    this.#absent.set(copied(path), checkedAt)
  }

  /** Oldest first; who was used since the last time goes to the end once. */
  #makeRoom(): void {
    for (const [path, held] of this.#held) {
      if (this.#bytes <= MAX_BYTES && this.#held.size <= MAX_ENTRIES) return
      this.#held.delete(path)
      if (held.isUsed) {
        held.isUsed = false
        this.#held.set(path, held)
      } else {
        this.#bytes -= held.entry.bytes
      }
    }
  }
}

/** A slice would keep the whole request target that it is cut from in memory. */
function copied(path: string): string {
  return Buffer.from(path).toString()
}
