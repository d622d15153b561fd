/**
 * Serves files below the mounts' directories, and says of every other request that it is not answered: other methods, other paths,
 * directories, files that are not there. `gateway/static-first.ts` decides who is asked next. Runs in the gateway.
 *
 * Invariant: a request that is not answered is untouched.
 * Not here: the locations of sites (`locations.ts`); the look at the disk (`store.ts`); the answer (`responder.ts`).
 */
import { isDeepStrictEqual } from 'node:util'
import type { OpenFiles } from '../../base/open-files.ts'
import type { StaticMount } from '../../config/types.ts'
import { requestForms } from '../../http/application-root.ts'
import type { Exchange } from '../../http/exchange.ts'
import { decodePath } from '../../http/path.ts'
import { BY_NAME, type Entry, type FilePolicy } from './entry.ts'
import type { KeptCodings } from './kept-codings.ts'
import { arrangeMounts, findMount, type Mount, relativePath, withoutPrefix } from './paths.ts'
import { FileResponder, type OnError } from './responder.ts'
import { FileStore } from './store.ts'

/**
 * `answered`: a response has begun or was refused, or the client has gone. `missing`: there is no such file below a URL that has only files.
 * `no file`: the request cannot mean a file, or its URL is the root, where most paths are the application's.
 */
export type Outcome = 'answered' | 'missing' | 'no file'

/** What an answer with a file says, and whether the file is compressed. */
export interface FileTreatment {
  readonly policy: FilePolicy
  /** Null: no file is. */
  readonly kept: KeptCodings | null
}

export class StaticFiles {
  readonly #rootPath: string
  readonly #appPath: string
  /** URLs of the application's root. */
  readonly #roots: readonly string[]
  readonly #openFiles: OpenFiles
  readonly #policy: FilePolicy
  readonly #responder: FileResponder
  #mounts: readonly Mount[] = []
  #store: FileStore

  /** `rootPath`: `--root-path`. `appPath`: the application's own path. Empty, or as in `/shop`. */
  constructor(
    rootPath: string,
    openFiles: OpenFiles,
    onError: OnError,
    appPath = '',
    { policy, kept }: FileTreatment = { policy: BY_NAME, kept: null },
  ) {
    this.#policy = policy
    this.#openFiles = openFiles
    this.#rootPath = rootPath
    this.#appPath = appPath
    this.#roots = requestForms('/', rootPath, appPath)
    this.#responder = new FileResponder(openFiles, onError, kept)
    this.#store = new FileStore(openFiles)
  }

  /** For requests from now on. Those that are being answered go on with the old directories. */
  setMounts(mounts: readonly StaticMount[]): void {
    const arranged = arrangeMounts(mounts, this.#rootPath, this.#appPath)
    // The master sends the mounts each time they may have changed.
    if (isDeepStrictEqual(arranged, this.#mounts)) return
    this.#mounts = arranged
    this.#store = new FileStore(this.#openFiles)
  }

  /** There are no directories to look in. */
  get isEmpty(): boolean {
    return this.#mounts.length === 0
  }

  /** Answers within the call where no system call is needed. */
  serve(exchange: Exchange): Outcome | Promise<Outcome> {
    const { method, rootPath } = exchange.request
    if (method !== 'GET' && method !== 'HEAD') return 'no file'
    let path = decodePath(exchange.request.path)
    if (rootPath !== undefined && path !== null) path = withoutPrefix(this.#mounts, path, rootPath)
    const mount = path === null ? undefined : findMount(this.#mounts, path)
    if (mount === undefined) return 'no file'
    const entry = this.#store.fresh(path!)
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
      entry = await this.#store.look(path, mount.directories, relative, this.#policy)
    } catch (error) {
      this.#responder.fail(exchange, error as Error)
      return 'answered'
    }
    if (exchange.response.state !== 'idle') return 'answered'
    return entry === null ? this.#absence(mount) : this.#serve(exchange, entry, mount)
  }

  #serve(exchange: Exchange, entry: Entry, mount: Mount): Outcome | Promise<Outcome> {
    const responded = this.#responder.respond(exchange, entry)
    if (responded === 'answered') return 'answered'
    if (responded === 'removed') return this.#absence(mount)
    return responded.then(outcome => (outcome === 'removed' ? this.#absence(mount) : 'answered'))
  }
}
