/**
 * `--reload`: watches the files of the configuration, and asks for a reload when one has changed, as HUP would. Runs in the master.
 *
 * Invariant: a change is one of content. A file that is saved as it was is no change.
 * Not here: the files of applications (`watch.ts`), which files these are (`config/sources/watched-files.ts`).
 */
import { type FSWatcher, watch } from 'chokidar'
import type { WatchedFiles } from '../../config/types.ts'

/** Editors truncate a file before they write it. */
const QUIET_MS = 100

export class ConfigWatcher {
  readonly #read: () => WatchedFiles
  readonly #onChange: () => void
  readonly #watcher: FSWatcher
  #state: string
  #timer: NodeJS.Timeout | null = null

  /** `read`: which files these are now. `onFailed`: nothing is watched from now on. */
  constructor(read: () => WatchedFiles, onChange: () => void, onFailed: (error: Error) => void) {
    this.#read = read
    this.#onChange = onChange
    const { directories, state } = read()
    this.#state = state
    this.#watcher = watch([...directories], {
      depth: 0,
      ignoreInitial: true,
      atomic: false,
      ignorePermissionErrors: true,
      ignored: (path, stats) => stats?.isFile() === true && !read().has(path),
    })
    this.#watcher.on('all', () => this.#touched())
    // A save during the first scan.
    this.#watcher.on('ready', () => this.#touched())
    this.#watcher.on('error', error => onFailed(error as Error))
  }

  close(): void {
    clearTimeout(this.#timer ?? undefined)
    void this.#watcher.close()
  }

  #touched(): void {
    clearTimeout(this.#timer ?? undefined)
    this.#timer = setTimeout(() => this.#look(), QUIET_MS)
  }

  #look(): void {
    const { directories, state } = this.#read()
    if (state === this.#state) return
    this.#state = state
    this.#watcher.add([...directories])
    this.#onChange()
  }
}
