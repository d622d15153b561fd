/**
 * `--reload`: watches the files of the configuration, and asks for a reload when one has changed, as HUP would. Runs in the master.
 *
 * Their directories are watched, whatever changes there, and then the files are read: a directory has few changes, and a file that is new, or
 * replaced by another, is not missed. A library that says which file has changed has missed new ones within a second of another change.
 *
 * Invariants: a change is one of content. A file that is saved as it was is no change. A state is used when it has been there for QUIET_MS.
 * Limitation: a directory that is not there yet is seen when something changes in another one of these.
 * Not here: the files of applications (`watch.ts`), which files these are (`config/sources/watched-files.ts`).
 */
import { type FSWatcher, statSync, watch } from 'node:fs'
import type { WatchedFiles } from '../../config/types.ts'

/** Editors truncate a file before they write it. Also the pause between two looks where other files of the directory change all the time. */
const QUIET_MS = 100

interface Watched {
  /** Another one: the directory was replaced. */
  readonly inode: number
  readonly watcher: FSWatcher
}

export class ConfigWatcher {
  readonly #read: () => WatchedFiles
  readonly #onChange: () => void
  readonly #onFailed: (error: Error) => void
  readonly #watched = new Map<string, Watched>()
  /** Told already. */
  readonly #failed = new Set<string>()
  /** In force, or told. */
  #state: string
  /** Of the last look. */
  #seen: string
  #timer: NodeJS.Timeout | null = null
  #isClosed = false

  /** `read`: which files these are now. `onFailed`: a directory cannot be watched. */
  constructor(read: () => WatchedFiles, onChange: () => void, onFailed: (error: Error) => void) {
    this.#read = read
    this.#onChange = onChange
    this.#onFailed = onFailed
    const { directories, state } = read()
    this.#state = this.#seen = state
    this.#watch(directories)
    // What was saved while this was set up.
    this.#touched()
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer ?? undefined)
    for (const { watcher } of this.#watched.values()) watcher.close()
    this.#watched.clear()
  }

  #watch(directories: readonly string[]): void {
    for (const directory of directories) {
      const inode = statSync(directory, { throwIfNoEntry: false })?.ino ?? null
      const before = this.#watched.get(directory)
      if (before?.inode === inode) continue
      before?.watcher.close()
      this.#watched.delete(directory)
      if (inode === null) continue
      try {
        const watcher = watch(directory, { persistent: false }, () => this.#touched())
        watcher.on('error', () => this.#touched())
        this.#watched.set(directory, { inode, watcher })
      } catch (error) {
        if (!this.#failed.has(directory)) this.#onFailed(error as Error)
        this.#failed.add(directory)
      }
    }
  }

  #touched(): void {
    if (!this.#isClosed) this.#timer ??= setTimeout(() => this.#look(), QUIET_MS)
  }

  #look(): void {
    this.#timer = null
    const { directories, state } = this.#read()
    this.#watch(directories)
    const isStable = state === this.#seen
    this.#seen = state
    if (state === this.#state) return
    if (isStable) {
      this.#state = state
      this.#onChange()
    } else this.#touched()
  }
}
