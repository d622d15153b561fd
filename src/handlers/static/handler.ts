/**
 * Serves files below the mounts' directories, and says of every other request that it is not answered: other methods, other paths,
 * directories, files that are not there. `gateway/static-first.ts` decides who is asked next. Runs in the gateway. A file that was asked
 * for within the last second costs no system call.
 *
 * Invariants: a request that is not answered is untouched; a file that is there but cannot be read is an error of the operator, not a
 * missing file; every descriptor is closed by the one who opened it, whatever becomes of the client.
 * Not here: listing directories, index files, compressing.
 */
import { isDeepStrictEqual } from 'node:util'
import type { OpenFiles } from '../../base/open-files.ts'
import type { StaticMount } from '../../config/types.ts'
import { preferCoding } from '../../http/accept-encoding.ts'
import { requestForms } from '../../http/application-root.ts'
import { type Conditions, evaluateConditions, readConditions } from '../../http/conditional.ts'
import type { Exchange } from '../../http/exchange.ts'
import { decodePath } from '../../http/path.ts'
import { answer } from './answer.ts'
import { FileCache } from './cache.ts'
import { type Entry, loadEntry, pathOf, type Variant, variantOfOpen } from './entry.ts'
import { type OpenFile, openAgain, openBelow, resolveDirectory } from './files.ts'
import { arrangeMounts, findMount, type Mount, relativePath } from './paths.ts'

/** Answers while the response is idle, cuts it when it has started. */
export type OnError = (exchange: Exchange, error: Error) => void

/**
 * `answered`: a response has begun or was refused, or the client has gone. `missing`: there is no such file below a URL that has only files.
 * `no file`: the request cannot mean a file, or its URL is the root, where most paths are the application's.
 */
export type Outcome = 'answered' | 'missing' | 'no file'

export class StaticFiles {
  readonly #onError: OnError
  readonly #rootPath: string
  readonly #appPath: string
  /** URLs of the application's root. */
  readonly #roots: readonly string[]
  readonly #openFiles: OpenFiles
  #mounts: readonly Mount[] = []
  #cache = new FileCache()
  /** Looks at the disk that are under way: all requests for the same file wait for the same look. */
  #looks = new Map<string, Promise<Entry | null>>()

  /** `rootPath`: `--root-path`. `appPath`: the application's own path. Empty, or as in `/shop`. */
  constructor(rootPath: string, openFiles: OpenFiles, onError: OnError, appPath = '') {
    this.#openFiles = openFiles
    this.#rootPath = rootPath
    this.#appPath = appPath
    this.#roots = requestForms('/', rootPath, appPath)
    this.#onError = onError
  }

  /** For requests from now on. Those that are being answered go on with the old directories. */
  setMounts(mounts: readonly StaticMount[]): void {
    const arranged = arrangeMounts(mounts, this.#rootPath, this.#appPath)
    // The master sends the mounts each time they may have changed.
    if (isDeepStrictEqual(arranged, this.#mounts)) return
    this.#mounts = arranged
    this.#cache = new FileCache()
    this.#looks = new Map()
  }

  /** There are no directories to look in. */
  get isEmpty(): boolean {
    return this.#mounts.length === 0
  }

  /** Answers within the call where no system call is needed. */
  serve(exchange: Exchange): Outcome | Promise<Outcome> {
    const { method } = exchange.request
    if (method !== 'GET' && method !== 'HEAD') return 'no file'
    const path = decodePath(exchange.request.path)
    const mount = path === null ? undefined : findMount(this.#mounts, path)
    if (mount === undefined) return 'no file'
    const entry = this.#cache.fresh(path!, performance.now())
    if (entry === null) return this.#absence(mount)
    if (entry !== undefined) return this.#serve(exchange, entry, mount)
    const relative = relativePath(mount, path!)
    if (relative === null) return 'no file'
    return this.#lookAndServe(exchange, path!, mount, relative)
  }

  #absence(mount: Mount): Outcome {
    return this.#roots.includes(mount.url) ? 'no file' : 'missing'
  }

  async #lookAndServe(exchange: Exchange, path: string, mount: Mount, relative: string): Promise<Outcome> {
    let entry: Entry | null
    try {
      entry = await this.#look(path, mount, relative)
    } catch (error) {
      this.#fail(exchange, error as Error)
      return 'answered'
    }
    if (exchange.response.state !== 'idle') return 'answered'
    return entry === null ? this.#absence(mount) : this.#serve(exchange, entry, mount)
  }

  #look(path: string, mount: Mount, relative: string): Promise<Entry | null> {
    const looks = this.#looks
    let look = looks.get(path)
    if (look === undefined) {
      const cache = this.#cache
      const startedAt = performance.now()
      look = loadEntry(mount.directories, relative, cache.last(path), this.#openFiles)
        .then(entry => {
          cache.learn(path, entry, startedAt)
          return entry
        })
        .finally(() => looks.delete(path))
      looks.set(path, look)
    }
    return look
  }

  #serve(exchange: Exchange, entry: Entry, mount: Mount): Outcome | Promise<Outcome> {
    const conditions = readConditions(exchange.request.headers)
    const coding = preferCoding(conditions.acceptEncoding, entry.codings)
    const variant = coding === null ? entry.plain : entry.coded.find(one => one.coding === coding)!
    return this.#serveVariant(exchange, entry, variant, conditions, mount)
  }

  #serveVariant(
    exchange: Exchange,
    entry: Entry,
    variant: Variant,
    conditions: Conditions,
    mount: Mount,
  ): Outcome | Promise<Outcome> {
    const isContentNeeded = exchange.request.method === 'GET' && evaluateConditions(conditions, variant) === 200
    if (variant.content === null && isContentNeeded)
      return this.#serveLarge(exchange, entry, variant, conditions, mount)
    answer(exchange, entry.contentType, variant, conditions, variant.content, () => {})
    return 'answered'
  }

  /**
   * Opens the file for each request, where it was at the last look. A kept descriptor would keep the space of a deleted file, and a process
   * has few descriptors.
   */
  async #serveLarge(
    exchange: Exchange,
    entry: Entry,
    variant: Variant,
    conditions: Conditions,
    mount: Mount,
  ): Promise<Outcome> {
    let file: OpenFile | null
    try {
      file = variant.path === null ? null : await openAgain(variant.path, this.#openFiles)
      if (file === null) {
        const root = await resolveDirectory(entry.directory)
        file = root === null ? null : await openBelow(root, pathOf(entry, variant), this.#openFiles)
      }
    } catch (error) {
      this.#fail(exchange, error as Error)
      return 'answered'
    }
    if (exchange.response.state !== 'idle') {
      if (file !== null) this.#openFiles.close(file.fd)
    } else if (file !== null) {
      const { fd } = file
      answer(exchange, entry.contentType, variantOfOpen(entry, variant, file), conditions, fd, error => {
        this.#openFiles.close(fd)
        if (error !== null) this.#fail(exchange, error)
      })
    } else {
      // Removed since it was looked at: only the sibling, or the file too.
      return variant === entry.plain
        ? this.#absence(mount)
        : this.#serveVariant(exchange, entry, entry.plain, conditions, mount)
    }
    return 'answered'
  }

  #fail(exchange: Exchange, error: Error): void {
    const { state } = exchange.response
    // In any other state the client has gone, which is no error.
    if (state === 'idle' || state === 'started') this.#onError(exchange, error)
  }
}
