/**
 * Entries of files that were asked for lately, and names of files that do not exist. Both are bounded. Runs in the gateway.
 *
 * Invariant: an entry or an absence is believed for CHECK_MS after a look at the disk. So a changed, added or removed file is answered as
 * it was for no longer than that.
 * Not here: the look itself (`entry.ts`, `files.ts`).
 */
import type { Entry } from './entry.ts'

/** A person who saves a file and reloads the page sees the new file. A busy file costs one look a second, and no system call in between. */
export const CHECK_MS = 1000
/** Enough for all small files of a large site (the admin of Django has 150), and no more memory than a worker has. */
const MAX_BYTES = 16 * 1024 * 1024
const MAX_ENTRIES = 2048
/** Absences are for a mount at `/`, where most paths are the application's. Strangers choose these paths, so only few and short ones are kept. */
const MAX_ABSENT = 1024
const MAX_ABSENT_LENGTH = 256

interface Held {
  entry: Entry
  checkedAt: number
  /** It was asked for since the last search for room, so it gets a second chance. */
  isUsed: boolean
}

export class FileCache {
  readonly #held = new Map<string, Held>()
  readonly #absent = new Map<string, number>()
  #bytes = 0

  /** Null: the file is known to be missing. Undefined: look at the disk. */
  fresh(path: string, now: number): Entry | null | undefined {
    const held = this.#held.get(path)
    if (held === undefined) {
      const checkedAt = this.#absent.get(path)
      return checkedAt !== undefined && now - checkedAt < CHECK_MS ? null : undefined
    }
    held.isUsed = true
    return now - held.checkedAt < CHECK_MS ? held.entry : undefined
  }

  /** The last entry, whatever its age. */
  last(path: string): Entry | undefined {
    return this.#held.get(path)?.entry
  }

  /** Keeps what a look at the path has found. `checkedAt`: when the look began. */
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

  #learnAbsent(path: string, checkedAt: number): void {
    if (path.length > MAX_ABSENT_LENGTH) return
    if (this.#absent.size >= MAX_ABSENT) this.#absent.clear()
    this.#absent.set(copied(path), checkedAt)
  }

  /** Drops the oldest entries. An entry that was used since the last search moves to the end once. */
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

/** A copy: a slice would keep the whole request target in memory. */
function copied(path: string): string {
  return Buffer.from(path).toString()
}
