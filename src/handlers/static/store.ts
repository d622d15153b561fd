/**
 * Entries of files by a key of the caller's: kept ones, and looks at the disk that are under way. All requests for the same file wait for the
 * same look. Runs in the gateway. A file that was asked for within the last second costs no system
 * call.
 *
 * Not here: which file a request means (`handler.ts`, `locations.ts`), how long an entry is believed (`cache.ts`).
 */
import type { OpenFiles } from '../../base/open-files.ts'
import { FileCache } from './cache.ts'
import { BY_NAME, type Entry, type FilePolicy, loadEntry } from './entry.ts'

export class FileStore {
  readonly #openFiles: OpenFiles
  readonly #cache = new FileCache()
  readonly #looks = new Map<string, Promise<Entry | null>>()

  constructor(openFiles: OpenFiles) {
    this.#openFiles = openFiles
  }

  /** Null: the file is known to be missing. Undefined: `look` must be asked. `key`: names the file, its directories and its policy. */
  fresh(key: string): Entry | null | undefined {
    return this.#cache.fresh(key, performance.now())
  }

  /** From the first of the directories that has the file. */
  look(
    key: string,
    directories: readonly string[],
    relative: string,
    policy: FilePolicy = BY_NAME,
  ): Promise<Entry | null> {
    let look = this.#looks.get(key)
    if (look === undefined) {
      const startedAt = performance.now()
      look = loadEntry(directories, relative, this.#cache.last(key), this.#openFiles, policy)
        .then(entry => {
          this.#cache.learn(key, entry, startedAt)
          return entry
        })
        .finally(() => this.#looks.delete(key))
      this.#looks.set(key, look)
    }
    return look
  }
}
