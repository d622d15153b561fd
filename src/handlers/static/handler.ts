/**
 * Serves files below the mounts' directories, and hands everything else on: other methods, other paths, files that are not
 * there, directories. Runs in the gateway; a file that was asked for within the last second costs no system call.
 *
 * Invariants: a request is answered here or handed on, never both; a file that is there but cannot be read is an error of
 * the operator, not a missing file; every descriptor is closed by the one who opened it, whatever becomes of the client.
 * Not here: listing directories, index files, compressing.
 */
import { isDeepStrictEqual } from 'node:util'
import type { OpenFiles } from '../../base/open-files.ts'
import type { StaticMount } from '../../config/types.ts'
import { preferCoding } from '../../http/accept-encoding.ts'
import { type Conditions, evaluateConditions, readConditions } from '../../http/conditional.ts'
import { HttpError } from '../../http/errors.ts'
import type { Exchange, Handler } from '../../http/exchange.ts'
import { decodePath } from '../../http/path.ts'
import { answer } from './answer.ts'
import { FileCache } from './cache.ts'
import { type Entry, loadEntry, pathOf, type Variant, variantOfOpen } from './entry.ts'
import { openBelow, resolveDirectory } from './files.ts'
import { arrangeMounts, findMount, type Mount, relativePath } from './paths.ts'

/** Renders when the response is idle, cuts when it has started. */
export type OnError = (exchange: Exchange, error: Error) => void

export class StaticFiles {
  readonly #onError: OnError
  readonly #rootPath: string
  readonly #openFiles: OpenFiles
  #mounts: readonly Mount[] = []
  #cache = new FileCache()
  /** Looks that are under way: all who ask for the same file meanwhile wait for the same one. */
  #looks = new Map<string, Promise<Entry | null>>()
  /** What is missing below a mount is 404, and asked of nobody else; not where everything is below the mount. */
  answersMissing = false
  readonly #missing: Handler = exchange => this.#fail(exchange, new HttpError(404, 'There is no such file', 'client'))

  /** `rootPath`: of the configuration. */
  constructor(rootPath: string, openFiles: OpenFiles, onError: OnError) {
    this.#openFiles = openFiles
    this.#rootPath = rootPath
    this.#onError = onError
  }

  /** From now on; what runs is finished. */
  setMounts(mounts: readonly StaticMount[]): void {
    const arranged = arrangeMounts(mounts, this.#rootPath)
    // The master says it each time it could have changed.
    if (isDeepStrictEqual(arranged, this.#mounts)) return
    this.#mounts = arranged
    this.#cache = new FileCache()
    this.#looks = new Map()
  }

  /** `next` gets what is no file. */
  handler(next: Handler): Handler {
    return exchange => {
      const { method } = exchange.request
      if (this.#mounts.length === 0 || (method !== 'GET' && method !== 'HEAD')) return next(exchange)
      const path = decodePath(exchange.request.path)
      const mount = path === null ? undefined : findMount(this.#mounts, path)
      if (mount === undefined) return next(exchange)
      const entry = this.#cache.fresh(path!, performance.now())
      if (entry === undefined) {
        const relative = relativePath(mount, path!)
        if (relative === null) return next(exchange)
        return this.#lookAndServe(exchange, path!, mount, relative, this.#orMissing(mount, next))
      }
      return entry === null ? this.#orMissing(mount, next)(exchange) : this.#serve(exchange, entry, next)
    }
  }

  #orMissing(mount: Mount, next: Handler): Handler {
    const isRoot = mount.url === '/' || mount.url === `${this.#rootPath}/`
    return this.answersMissing && !isRoot ? this.#missing : next
  }

  async #lookAndServe(exchange: Exchange, path: string, mount: Mount, relative: string, next: Handler): Promise<void> {
    let entry: Entry | null
    try {
      entry = await this.#look(path, mount, relative)
    } catch (error) {
      this.#fail(exchange, error as Error)
      return
    }
    if (exchange.response.state !== 'idle') return
    await (entry === null ? next(exchange) : this.#serve(exchange, entry, next))
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

  #serve(exchange: Exchange, entry: Entry, next: Handler): void | Promise<void> {
    const conditions = readConditions(exchange.request.headers)
    const coding = preferCoding(conditions.acceptEncoding, entry.codings)
    const variant = coding === null ? entry.plain : entry.coded.find(one => one.coding === coding)!
    return this.#serveVariant(exchange, entry, variant, conditions, next)
  }

  #serveVariant(
    exchange: Exchange,
    entry: Entry,
    variant: Variant,
    conditions: Conditions,
    next: Handler,
  ): void | Promise<void> {
    const isContentNeeded = exchange.request.method === 'GET' && evaluateConditions(conditions, variant) === 200
    if (variant.content === null && isContentNeeded) return this.#serveLarge(exchange, entry, variant, conditions, next)
    answer(exchange, entry.contentType, variant, conditions, variant.content, () => {})
  }

  /** Opened anew each time: a descriptor that is kept would keep a deleted file's space, and one of the process's few. */
  async #serveLarge(
    exchange: Exchange,
    entry: Entry,
    variant: Variant,
    conditions: Conditions,
    next: Handler,
  ): Promise<void> {
    let file: Awaited<ReturnType<typeof openBelow>>
    try {
      const root = await resolveDirectory(entry.directory)
      file = root === null ? null : await openBelow(root, pathOf(entry, variant), this.#openFiles)
    } catch (error) {
      this.#fail(exchange, error as Error)
      return
    }
    if (exchange.response.state !== 'idle') {
      if (file !== null) this.#openFiles.close(file.fd)
    } else if (file !== null) {
      const { fd, stats } = file
      answer(exchange, entry.contentType, variantOfOpen(entry, variant, stats), conditions, fd, error => {
        this.#openFiles.close(fd)
        if (error !== null) this.#fail(exchange, error)
      })
    } else {
      // Removed since it was looked at: the sibling alone, or the file.
      await (variant === entry.plain
        ? next(exchange)
        : this.#serveVariant(exchange, entry, entry.plain, conditions, next))
    }
  }

  #fail(exchange: Exchange, error: Error): void {
    const { state } = exchange.response
    // Else the client has gone, which is no error.
    if (state === 'idle' || state === 'started') this.#onError(exchange, error)
  }
}
