/**
 * The room that all temporary files of a process may take together (`--limit-temp-bytes`): bytes on the disk, which other programs use
 * too, and open files. Runs in the gateway. With several threads each has its own, and the limit is for their sum. They may ask at the
 * same time, so all together may take more by what each of them takes at once.
 *
 * It only counts: the caller asks `hasRoom` first, and knows what to do without room.
 */
import { statfsSync } from 'node:fs'
import { OpenFiles } from './open-files.ts'
import type { OtherThreads } from './other-threads.ts'

/** Used where the system does not say how much is free. */
const UNKNOWN_FREE = 4 * 1024 ** 3

export interface SpaceLimits {
  readonly bytes: number
  /** Shared with all others that open files. */
  readonly files: OpenFiles
  /** The last byte was taken. Called again only after an eighth was free in between. */
  readonly onFull: () => void
  /** In bytes. Null: there is one thread. */
  readonly others?: OtherThreads | null
}

export class TemporarySpace {
  readonly directory: string
  /** Bytes in the files of this thread and on their way to them. */
  bytes = 0
  readonly files: OpenFiles
  readonly #limits: SpaceLimits
  #isTold = false

  constructor(
    directory: string,
    limits: SpaceLimits = { bytes: Number.POSITIVE_INFINITY, files: new OpenFiles(), onFull() {} },
  ) {
    this.directory = directory
    this.files = limits.files
    this.#limits = limits
  }

  /** There is room for a new file of this size. Nothing is reserved: files take room as they grow. */
  hasRoomFor(bytes: number): boolean {
    return this.files.hasRoom && this.#all() + bytes <= this.#limits.bytes
  }

  /** A file may grow further. */
  get hasRoom(): boolean {
    return this.#all() < this.#limits.bytes
  }

  /** `bytes`: negative gives room back. */
  take(bytes: number): void {
    this.bytes += bytes
    const { bytes: limit, onFull, others } = this.#limits
    others?.tell(this.bytes)
    const all = this.#all()
    if (all >= limit && !this.#isTold) {
      this.#isTold = true
      onFull()
    } else if (all < limit - limit / 8) {
      this.#isTold = false
    }
  }

  /** Bytes of all threads. */
  #all(): number {
    return this.bytes + (this.#limits.others?.used() ?? 0)
  }
}

/** Bytes that this user may still write to the directory's disk. */
export function freeBytes(directory: string): number {
  try {
    const { bavail, bsize } = statfsSync(directory)
    return bavail * bsize
  } catch {
    return UNKNOWN_FREE
  }
}
