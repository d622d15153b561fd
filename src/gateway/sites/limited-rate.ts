/**
 * `limit_rate`: a content filter that lets so many bytes a second go to the client, as the mean since the response began. Runs in the gateway,
 * only for responses that are limited: files go through it too, and are read piece by piece.
 *
 * Invariants: nothing is sent before its time; what a slow client has not taken in its time it may take faster later, as in nginx. One timer
 * for each response, which ends with it. What it holds is one piece of a file, or what an application may give ahead: the source waits.
 * It stands nearer to the client than compression, so it counts compressed bytes. Where only X-Accel-Limit-Rate limits a response, it is added
 * when compression is there already, and counts the bytes before.
 * Not here: how slow a client may be (`protocols/pace.ts`), which does not wait for what is held back here.
 */
import { addFilter } from '../../http/filtered-response.ts'
import type { ContentFilter, ContentOutput, FilteredHead } from '../../http/response-filter.ts'
import type { SiteRequest } from '../../routing/sites/site-request.ts'

/** Pieces of a second: smaller ones cost more, larger ones come in jerks. */
const PIECES_A_SECOND = 8
/** Bytes of a piece: less is mostly headers of packets, more would fill the buffers of the kernel at once. */
const [MIN_PIECE, MAX_PIECE] = [1024, 64 * 1024]

/** Once for each response. The location that counts is the one where the request is when the head leaves. */
export function addRateLimit(request: SiteRequest): void {
  if (request.isLimited) return
  request.isLimited = true
  addFilter(request.exchange, head => ({ head, content: limited(request) }))
}

/** The application's word counts more than the location's. */
function limited(request: SiteRequest): FilteredHead['content'] {
  const { limitRate, limitRateAfter } = request.location
  const rate = request.limitRate ?? bytesIn(limitRate?.(request))
  if (rate === 0) return null
  const after = bytesIn(limitRateAfter?.(request))
  return out => new LimitedRate(out, rate, after)
}

/** As nginx writes sizes: `65536`, `64k`, `1m`. Anything else is no limit, as there. */
function bytesIn(text = ''): number {
  const [, number, unit] = /^(\d{1,12})([kKmM])?$/.exec(text) ?? []
  const scale = unit === undefined ? 1 : unit.toLowerCase() === 'k' ? 1024 : 1024 * 1024
  return Number(number ?? 0) * scale
}

export class LimitedRate implements ContentFilter {
  readonly #out: ContentOutput
  readonly #rate: number
  readonly #after: number
  readonly #piece: number
  readonly #startedAt = performance.now()
  readonly #waiting: Buffer[] = []
  #sent = 0
  #timer: NodeJS.Timeout | null = null
  #isBlocked = false
  #isComplete = false
  #isEnded = false

  /** `rate`: bytes a second, at least one. `after`: bytes that go before it counts. */
  constructor(out: ContentOutput, rate: number, after: number) {
    this.#out = out
    this.#rate = rate
    this.#after = after
    const least = Math.min(rate, MIN_PIECE)
    this.#piece = Math.max(least, Math.min(MAX_PIECE, Math.ceil(rate / PIECES_A_SECOND)))
  }

  data(chunk: Buffer): void {
    this.#waiting.push(chunk)
    this.#send()
  }

  end(): void {
    this.#isComplete = true
    this.#endIfSent()
  }

  onDrain(): void {
    this.#isBlocked = false
    this.#send()
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    this.#waiting.length = 0
  }

  #send(): void {
    while (this.#waiting.length > 0 && this.#timer === null && !this.#isBlocked) {
      const wait = this.#millisToWait()
      if (wait > 0) {
        this.#out.pause()
        this.#timer = setTimeout(() => this.#goOn(), wait)
        return
      }
      const [chunk] = this.#waiting as [Buffer]
      const free = this.#after - this.#sent
      const piece = chunk.subarray(0, free > 0 ? free : this.#piece)
      if (piece.length === chunk.length) this.#waiting.shift()
      else this.#waiting[0] = chunk.subarray(piece.length)
      this.#sent += piece.length
      if (!this.#out.write(piece)) this.#isBlocked = true
    }
    if (this.#isComplete) this.#endIfSent()
    else if (this.#waiting.length === 0) this.#out.resume()
  }

  #endIfSent(): void {
    if (this.#waiting.length > 0 || this.#isEnded) return
    this.#isEnded = true
    this.#out.end()
  }

  #goOn(): void {
    this.#timer = null
    this.#send()
  }

  /** Until what was sent is not more than the rate allows. */
  #millisToWait(): number {
    const due = this.#startedAt + ((this.#sent - this.#after) / this.#rate) * 1000
    // A timer may fire a little before its time.
    return Math.ceil(due - performance.now())
  }
}
