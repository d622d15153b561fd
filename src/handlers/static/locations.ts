/**
 * The files of a site's locations: whether one is there, the answer with it, and the list of a directory. Runs in the gateway. What was
 * looked at within the last second costs no system call.
 *
 * Invariants: only regular files and directories below the location's base are seen; hidden names and links out of it are not there.
 * Not here: which file a request means (`routing/sites/`), what an answer has (`responder.ts`).
 */
import type { OpenFiles } from '../../base/open-files.ts'
import type { Exchange } from '../../http/exchange.ts'
import { CHECK_MS } from './cache.ts'
import type { Entry, FilePolicy } from './entry.ts'
import { isDirectoryBelow } from './files.ts'
import type { KeptCodings } from './kept-codings.ts'
import { type Listing, listBelow } from './listing.ts'
import { DiskNames, type OnDisk } from './on-disk.ts'
import { isPublicName } from './paths.ts'
import { FileResponder, type OnError } from './responder.ts'
import { FileStore } from './store.ts'

/** Directories that were looked for lately, and whether they are there. Strangers choose the names, so only so many are kept. */
const MAX_DIRECTORIES = 1024
/** Lists of directories that are kept. One may have 5,000 names, half a megabyte. */
const MAX_LISTINGS = 16

/** Where a file is, as a location says. */
export interface FilePlace {
  /** Absolute, no slash at its end. Nothing outside it is served. */
  readonly base: string
  /** Below it; bytes. */
  readonly relative: string
  readonly policy: FilePolicy
  /** Names the policy: the same file has other fields in another location. */
  readonly policyId: number
}

/** What a file turned out to be. `read-only`: it is there, and the method is another than GET and HEAD. */
export type Served = 'answered' | 'directory' | 'missing' | 'read-only'

export class LocationFiles {
  readonly #openFiles: OpenFiles
  readonly #store: FileStore
  readonly #responder: FileResponder
  readonly #names = new DiskNames()
  readonly #directories = new Map<string, { readonly isThere: boolean; readonly checkedAt: number }>()
  /** All requests of a second share one look. */
  readonly #listings = new Map<string, { readonly listing: Promise<Listing | null>; readonly startedAt: number }>()

  /** `kept`: for locations whose policy compresses; null: none does. */
  constructor(openFiles: OpenFiles, onError: OnError, kept: KeptCodings | null = null) {
    this.#openFiles = openFiles
    this.#store = new FileStore(openFiles)
    this.#responder = new FileResponder(openFiles, onError, kept)
  }

  /** A regular file. Throws HttpError where it cannot be known. */
  isFile(place: FilePlace): boolean | Promise<boolean> {
    const entry = this.#find(place)
    return entry instanceof Promise ? entry.then(found => found !== null) : entry !== null
  }

  isDirectory({ base, relative, policy: { linkRule } }: FilePlace): boolean | Promise<boolean> {
    const name = textOf(relative)
    if (name === null) return false
    const key = `${linkRule}\0${base}\0${name}`
    const known = this.#directories.get(key)
    const now = performance.now()
    if (known !== undefined && now - known.checkedAt < CHECK_MS) return known.isThere
    return isDirectoryBelow(base, name, linkRule).then(isThere => {
      if (this.#directories.size >= MAX_DIRECTORIES) this.#directories.clear()
      this.#directories.set(key, { isThere, checkedAt: now })
      return isThere
    })
  }

  /** What any name of the machine is, for conditions. Null: nothing is there. Fails with HttpError where it cannot be known. */
  lookAt(name: string): OnDisk | null | Promise<OnDisk | null> {
    return this.#names.look(name)
  }

  /** What is in a directory. Null: there is none. Throws HttpError where it cannot be known. */
  list({ base, relative, policy: { linkRule } }: FilePlace): Promise<Listing | null> {
    const name = textOf(relative)
    if (name === null) return Promise.resolve(null)
    const key = `${linkRule}\0${base}\0${name}`
    const known = this.#listings.get(key)
    const now = performance.now()
    if (known !== undefined && now - known.startedAt < CHECK_MS) return known.listing
    const listing = listBelow(base, name, this.#openFiles, linkRule)
    if (this.#listings.size >= MAX_LISTINGS) this.#listings.clear()
    this.#listings.set(key, { listing, startedAt: now })
    return listing
  }

  /** Answers a GET or HEAD with the file, if there is one. `isWhole`: conditions and ranges of the request do not count. */
  serve(exchange: Exchange, place: FilePlace, isWhole: boolean): Served | Promise<Served> {
    const entry = this.#find(place)
    if (!(entry instanceof Promise)) return this.#serveEntry(exchange, place, entry, isWhole)
    return entry.then(
      found => (exchange.response.state === 'idle' ? this.#serveEntry(exchange, place, found, isWhole) : 'answered'),
      (error: Error) => {
        this.#responder.fail(exchange, error)
        return 'answered'
      },
    )
  }

  #serveEntry(exchange: Exchange, place: FilePlace, entry: Entry | null, isWhole: boolean): Served | Promise<Served> {
    const missing = () => {
      const isThere = this.isDirectory(place)
      return typeof isThere === 'boolean' ? toServed(isThere) : isThere.then(toServed)
    }
    if (entry === null) return missing()
    if (exchange.request.method !== 'GET' && exchange.request.method !== 'HEAD') return 'read-only'
    const responded = this.#responder.respond(exchange, entry, isWhole)
    if (responded === 'answered') return 'answered'
    return responded === 'removed' ? missing() : responded.then(one => (one === 'removed' ? missing() : 'answered'))
  }

  /** Null: there is no such file. */
  #find({ base, relative, policy, policyId }: FilePlace): Entry | null | Promise<Entry | null> {
    const name = textOf(relative)
    if (name === null) return null
    const key = `${policyId}\0${base}\0${name}`
    const known = this.#store.fresh(key)
    return known === undefined ? this.#store.look(key, [base], name, policy) : known
  }
}

function toServed(isDirectory: boolean): Served {
  return isDirectory ? 'directory' : 'missing'
}

/** From bytes to text; null: it is no name that may be asked for, or no UTF-8. */
function textOf(relative: string): string | null {
  if (!isPublicName(relative)) return null
  if (!/[\x80-\xff]/.test(relative)) return relative
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(relative, 'latin1'))
  } catch {
    return null
  }
}
