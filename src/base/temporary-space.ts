/**
 * The room that all temporary files of a process may take together: bytes on the disk, which others use too, and their part of the
 * open files. It only counts; who wants to write asks first, and knows what to do instead.
 */
import { statfsSync } from 'node:fs'
import { OpenFiles } from './open-files.ts'

/** Where the system does not say how much is free. */
const UNKNOWN_FREE = 4 * 1024 ** 3

export interface SpaceLimits {
  readonly bytes: number
  /** Shared with whoever else opens files. */
  readonly files: OpenFiles
  /** The last byte has been taken. Not again before an eighth is free. */
  readonly onFull: () => void
}

export class TemporarySpace {
  readonly directory: string
  /** What the files hold, and what is on its way to them. */
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

  /** There is room for a new file of so many bytes. None is set aside: files take it as they grow. */
  hasRoomFor(bytes: number): boolean {
    return this.files.hasRoom && this.bytes + bytes <= this.#limits.bytes
  }

  /** A file may grow. */
  get hasRoom(): boolean {
    return this.bytes < this.#limits.bytes
  }

  /** `bytes`: negative to give back. */
  take(bytes: number): void {
    this.bytes += bytes
    const { bytes: limit, onFull } = this.#limits
    if (this.bytes >= limit && !this.#isTold) {
      this.#isTold = true
      onFull()
    } else if (this.bytes < limit - limit / 8) {
      this.#isTold = false
    }
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
