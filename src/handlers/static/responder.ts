/**
 * Answers with an entry: the representation that the client prefers, from memory, or from the file, which is opened for each response. Runs
 * in the gateway.
 *
 * Invariants: every descriptor is closed by the one who opened it, whatever becomes of the client. A file that is there but cannot be read
 * is an error of the operator, not a missing file.
 */
import type { OpenFiles } from '../../base/open-files.ts'
import { preferCoding } from '../../http/accept-encoding.ts'
import { type Conditions, evaluateConditions, readConditions } from '../../http/conditional.ts'
import type { Exchange } from '../../http/exchange.ts'
import { answer } from './answer.ts'
import { type Entry, pathOf, type Variant, variantOfOpen } from './entry.ts'
import { type OpenFile, openAgain, openBelow, resolveDirectory } from './files.ts'
import type { KeptCodings } from './kept-codings.ts'

/** Answers while the response is idle, cuts it when it has started. */
export type OnError = (exchange: Exchange, error: Error) => void

/** `removed`: the file has gone since it was looked at, and nothing was answered. */
export type Responded = 'answered' | 'removed'

const NO_CONDITIONS = Object.freeze(readConditions([]))

export class FileResponder {
  readonly #openFiles: OpenFiles
  readonly #onError: OnError
  readonly #kept: KeptCodings | null

  /** `kept`: null: files are compressed only where it was done beside them. */
  constructor(openFiles: OpenFiles, onError: OnError, kept: KeptCodings | null) {
    this.#kept = kept
    this.#openFiles = openFiles
    this.#onError = onError
  }

  /**
   * GET or HEAD. Answers within the call where the content is in memory, or none is needed. `isWhole`: conditions and ranges do not count, because
   * the response has another status than 200 (RFC9110§13.2.1).
   */
  respond(exchange: Exchange, entry: Entry, isWhole = false): Responded | Promise<Responded> {
    const asked = readConditions(exchange.request.headers)
    const conditions = isWhole ? { ...NO_CONDITIONS, acceptEncoding: asked.acceptEncoding } : asked
    const coding = preferCoding(conditions.acceptEncoding, entry.codings)
    if (coding === null && this.#kept !== null && entry.compressible.length > 0 && conditions.range === undefined) {
      const kept = this.#kept.find(entry, conditions.acceptEncoding)
      if (kept !== null) return this.#respondWith(exchange, entry, kept, conditions)
    }
    const variant = coding === null ? entry.plain : entry.coded.find(one => one.coding === coding)!
    return this.#respondWith(exchange, entry, variant, conditions)
  }

  #respondWith(
    exchange: Exchange,
    entry: Entry,
    variant: Variant,
    conditions: Conditions,
  ): Responded | Promise<Responded> {
    const isContentNeeded = exchange.request.method === 'GET' && evaluateConditions(conditions, variant) === 200
    if (variant.content === null && isContentNeeded) return this.#respondLarge(exchange, entry, variant, conditions)
    answer(exchange, entry.contentType, variant, conditions, variant.content, () => {})
    return 'answered'
  }

  /**
   * Opens the file for each request, where it was at the last look. A kept descriptor would keep the space of a deleted file, and a process
   * has few descriptors.
   */
  async #respondLarge(exchange: Exchange, entry: Entry, variant: Variant, conditions: Conditions): Promise<Responded> {
    let file: OpenFile | null
    try {
      file = variant.path === null ? null : await openAgain(variant.path, this.#openFiles)
      if (file === null) {
        const root = await resolveDirectory(entry.directory)
        file =
          root === null ? null : await openBelow(root, pathOf(entry, variant), this.#openFiles, entry.policy.linkRule)
      }
    } catch (error) {
      this.fail(exchange, error as Error)
      return 'answered'
    }
    if (exchange.response.state !== 'idle') {
      if (file !== null) this.#openFiles.close(file.fd)
    } else if (file !== null) {
      const { fd } = file
      answer(exchange, entry.contentType, variantOfOpen(entry, variant, file), conditions, fd, error => {
        this.#openFiles.close(fd)
        if (error !== null) this.fail(exchange, error)
      })
    } else {
      // Removed since it was looked at: only the sibling, or the file too.
      return variant === entry.plain ? 'removed' : this.#respondWith(exchange, entry, entry.plain, conditions)
    }
    return 'answered'
  }

  fail(exchange: Exchange, error: Error): void {
    const { state } = exchange.response
    // In any other state the client has gone, which is no error.
    if (state === 'idle' || state === 'started') this.#onError(exchange, error)
  }
}
