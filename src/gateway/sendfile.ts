/**
 * X-Sendfile: the application decides, and the gateway sends the file in the place of the application's content, with ranges, conditions and
 * compressed siblings as for any file. Stands around the pools of an application that has `sendfile-roots`; any other pays nothing, and
 * outside of sites its header goes to the client as it is. Runs in the gateway.
 *
 * Invariants: only files below one of the roots are sent, by the rules of all files: no hidden names, no links that lead out. The header
 * never reaches the client. What the application says of the content (its type, its name, how long it is kept) wins over what the file says.
 * Not here: X-Accel-Redirect, which names a path of the site (`sites/content.ts`).
 */
import { bytesOf } from '../base/bytes.ts'
import type { OpenFiles } from '../base/open-files.ts'
import { BY_NAME, type FilePolicy } from '../handlers/static/entry.ts'
import { resolveDirectory } from '../handlers/static/files.ts'
import { type FilePlace, LocationFiles } from '../handlers/static/locations.ts'
import { HttpError } from '../http/errors.ts'
import type { Exchange, Handler, ResponseHead, ResponseWriter } from '../http/exchange.ts'
import { addFilter } from '../http/filtered-response.ts'
import { fieldsWith } from '../http/headers.ts'
import { withHeaders } from '../http/response-filter.ts'
import { ApplicationResponse, type Decision } from './application-response.ts'

export interface SendfileOptions {
  /** The application's name. */
  readonly app: string
  /** Absolute directories. */
  readonly roots: readonly string[]
  readonly openFiles: OpenFiles
  readonly refuse: (exchange: Exchange, error: Error) => void
  readonly warn: (message: string, request: string) => void
}

const NAME = 'x-sendfile'
/** Only the application knows who may keep the file. */
const POLICY: FilePolicy = { ...BY_NAME, cacheControlOf: () => null }
/** What the application says of content that is not sent, and of the connection. */
const NOT_KEPT =
  /^(?:x-sendfile|content-length|content-encoding|content-range|transfer-encoding|accept-ranges|etag|last-modified)$/i
const WITH_FILE: ReadonlySet<number> = new Set([200, 206, 304])
/** Characters of a path in the log. */
const MAX_SHOWN = 200

export function withSendfile(next: Handler, options: SendfileOptions): Handler {
  const sender = new Sender(options)
  return exchange => {
    exchange.response = new ApplicationResponse(exchange, head => sender.decide(exchange, head))
    return next(exchange)
  }
}

class Sender {
  readonly #options: SendfileOptions
  readonly #files: LocationFiles
  /** Where an error is answered, of exchanges whose file is being sent. */
  readonly #unfiltered = new WeakMap<Exchange, ResponseWriter>()
  #hasWarned = false

  constructor(options: SendfileOptions) {
    this.#options = options
    this.#files = new LocationFiles(options.openFiles, (exchange, error) => this.#refuse(exchange, error))
  }

  /** The head to send, or what is done in its place. Of other answers than 200 only the header is taken away. */
  decide(exchange: Exchange, head: ResponseHead): Decision {
    const { headers, status } = head
    let path: string | null = null
    for (let i = 0; i < headers.length; i += 2)
      if (headers[i]!.length === NAME.length && headers[i]!.toLowerCase() === NAME) path = headers[i + 1]!
    if (path === null) return head
    const file = path
    if (status === 200) return () => void this.#send(exchange, head, file)
    return withHeaders(
      head,
      fieldsWith(headers, name => name.toLowerCase() !== NAME),
    )
  }

  async #send(exchange: Exchange, head: ResponseHead, path: string): Promise<void> {
    try {
      const place = await this.#placeOf(path)
      const { response } = exchange
      // The client has gone meanwhile.
      if (response.state !== 'idle') return
      if (place === null) {
        this.#warn(path, exchange.id)
        this.#refuse(exchange, new HttpError(404, 'The application names a file that may not be sent', 'application'))
        return
      }
      this.#unfiltered.set(exchange, response)
      addFilter(exchange, given => ({ head: withOwnFields(given, head.headers), content: null }))
      readOnly(exchange)
      const served = await this.#files.serve(exchange, place, false)
      if (served !== 'answered')
        this.#refuse(exchange, new HttpError(404, 'The application names a file that is not there', 'application'))
    } catch (error) {
      this.#refuse(exchange, error as Error)
    }
  }

  /** Null: the path is below none of the roots, as they are written or without links: applications resolve the links of their own place. */
  async #placeOf(path: string): Promise<FilePlace | null> {
    for (const root of this.#options.roots) {
      const place = placeBelow(root, path)
      if (place !== null) return place
    }
    for (const root of this.#options.roots) {
      const resolved = await resolveDirectory(root)
      const place = resolved === null ? null : placeBelow(resolved, path)
      if (place !== null) return place
    }
    return null
  }

  #refuse(exchange: Exchange, error: Error): void {
    // The page of an error has no fields of the application.
    const response = this.#unfiltered.get(exchange)
    if (response?.state === 'idle') exchange.response = response
    this.#options.refuse(exchange, error)
  }

  /** Once: an application that a client can make say this would fill the log. */
  #warn(path: string, request: string): void {
    if (this.#hasWarned) return
    this.#hasWarned = true
    const shown = path.replace(/[^\x20-\x7e]/g, '?').slice(0, MAX_SHOWN)
    this.#options.warn(
      `X-Sendfile: '${shown}' is below none of the sendfile-roots of ${this.#options.app}, and is not sent; this is told once`,
      request,
    )
  }
}

/** `path`: bytes. */
function placeBelow(root: string, path: string): FilePlace | null {
  const base = root === '/' ? '' : root
  const prefix = `${bytesOf(base)}/`
  return path.startsWith(prefix) ? { base, relative: path.slice(prefix.length), policy: POLICY, policyId: 0 } : null
}

/** The head of the file, with what the application says. */
function withOwnFields(given: ResponseHead, own: readonly string[]): ResponseHead {
  if (!WITH_FILE.has(given.status)) return given
  const isMultipart = given.headers.some((text, i) => i % 2 === 1 && text.startsWith('multipart/byteranges'))
  const isKept = (name: string) =>
    !NOT_KEPT.test(name) &&
    // Each part of several ranges has a type of its own, and 304 has no content.
    !(given.status === 304 ? /^content-/i.test(name) : isMultipart && /^content-type$/i.test(name))
  const kept = fieldsWith(own, isKept)
  const names = new Set(kept.filter((_, i) => i % 2 === 0).map(name => name.toLowerCase()))
  // Both say on what the response depends.
  names.delete('vary')
  return withHeaders(given, [...fieldsWith(given.headers, name => !names.has(name.toLowerCase())), ...kept])
}

/** A file is asked for by GET, whatever the application was; conditions are those of a client that reads. */
function readOnly(exchange: Exchange): void {
  const { request } = exchange
  if (request.method !== 'GET' && request.method !== 'HEAD')
    exchange.request = { ...request, method: 'GET', headers: [] }
}
