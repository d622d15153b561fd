/**
 * A load of many streams: sessions of node:http2 that each have several requests under way, and are replaced when the program says GOAWAY. It
 * is a client as RFC9113§8.7 wants it: a request that was refused, or has a number behind the last GOAWAY, was never begun, and is sent again.
 * Every other request must get its answer, or it is lost. Runs in the process of the scenario.
 */
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2'
import type { Target } from '../support/target.ts'
import { type Counts, type Kind, makeRequest, noCounts, type Request } from './load.ts'

/** Longer than any deadline of the program under test. */
const ANSWER_MS = 60_000
const MAX_PROBLEMS = 10
/** Nobody listens any more. */
const REFUSED = 'ECONNREFUSED'

export interface StreamLoadOptions {
  readonly target: Target
  readonly sessions: number
  /** Requests under way on each session. */
  readonly streams: number
  readonly kinds: readonly Kind[]
}

/** `again`: it was never begun. `over`: nor can it be, for nobody listens. */
type End = 'answered' | 'refused' | 'again' | 'over' | { readonly lost: string }

export class StreamLoad {
  readonly counts: Counts = noCounts()
  readonly problems: string[] = []
  /** Requests that were never begun, and sent again. */
  again = 0
  /** Sessions that the program has told to go away. */
  goneAway = 0
  readonly #options: StreamLoadOptions
  readonly #running: Promise<unknown>
  #isOver = false

  constructor(options: StreamLoadOptions) {
    this.#options = options
    this.#running = Promise.all(Array.from({ length: options.sessions }, () => this.#runSession()))
  }

  /** Sends nothing more. Resolves when all that was sent has ended. */
  async finish(): Promise<void> {
    this.#isOver = true
    await this.#running
  }

  /** Resolves when nobody listens any more. */
  async over(): Promise<void> {
    await this.#running
  }

  async #runSession(): Promise<void> {
    const { target, streams, kinds } = this.#options
    const open = () => new Session(target, () => this.goneAway++)
    let session = open()
    const current = () => {
      if (!session.isUsable) session = open()
      return session
    }
    const run = async (turn: number) => {
      for (; !this.#isOver; turn++) {
        const request = makeRequest(kinds[turn % kinds.length]!)
        let end = await current().ask(request)
        for (; end === 'again'; end = await current().ask(request)) this.again++
        this.#count(request, end)
      }
    }
    await Promise.all(Array.from({ length: streams }, (_, turn) => run(turn)))
    session.leave()
  }

  #count({ data }: Request, end: Exclude<End, 'again'>): void {
    if (end === 'over') {
      this.#isOver = true
      return
    }
    this.counts.sent++
    if (end === 'answered' || end === 'refused') {
      this.counts[end]++
      return
    }
    this.counts.lost++
    if (this.problems.length < MAX_PROBLEMS)
      this.problems.push(`lost: ${data.toString('latin1', 0, data.indexOf('\r'))}: ${end.lost}`)
  }
}

class Session {
  readonly #session: ClientHttp2Session
  /** No stream behind it was begun, as the last GOAWAY says. */
  #last = Number.POSITIVE_INFINITY
  #isConnected = false
  #error = ''

  constructor(target: Target, onGoAway: () => void) {
    const isPlain = typeof target !== 'object'
    const port = isPlain ? target : target.to
    const session = connect(`${isPlain ? 'http' : 'https'}://127.0.0.1:${port}`, isPlain ? {} : target.tls)
    session.on('connect', () => {
      this.#isConnected = true
    })
    session.on('error', (error: NodeJS.ErrnoException) => {
      this.#error = error.code ?? error.message
    })
    session.on('goaway', (_code, last) => {
      if (this.#last === Number.POSITIVE_INFINITY) onGoAway()
      this.#last = Math.min(this.#last, last ?? 0)
    })
    this.#session = session
  }

  get isUsable(): boolean {
    return !this.#session.closed && !this.#session.destroyed
  }

  leave(): void {
    if (this.isUsable) this.#session.close()
  }

  async ask({ data, expected }: Request): Promise<End> {
    const headEnd = data.indexOf('\r\n\r\n')
    const [method, path] = data.toString('latin1', 0, headEnd).split(' ')
    const content = data.subarray(headEnd + 4)
    let stream: ClientHttp2Stream
    try {
      stream = this.#session.request({ ':method': method, ':path': path }, { endStream: content.length === 0 })
    } catch {
      // The session has ended since it was looked at.
      return 'again'
    }
    if (content.length > 0) stream.end(content)
    let status = 0
    let hasRetryAfter = false
    const parts: Buffer[] = []
    let why = ''
    stream.on('response', headers => {
      status = headers[':status']!
      hasRetryAfter = 'retry-after' in headers
    })
    stream.on('data', (part: Buffer) => parts.push(part))
    stream.on('error', (error: NodeJS.ErrnoException) => {
      why = error.code === undefined ? error.message : `${error.code}: ${error.message}`
    })
    // wait: at most; a request without an answer is lost
    const timer = setTimeout(() => {
      why = `no answer in ${ANSWER_MS / 1000} s`
      stream.close(constants.NGHTTP2_CANCEL)
    }, ANSWER_MS)
    await new Promise(resolve => stream.once('close', resolve))
    clearTimeout(timer)
    const body = Buffer.concat(parts).toString('latin1')
    if (status === 200 && body === expected && stream.rstCode === constants.NGHTTP2_NO_ERROR && why === '')
      return 'answered'
    if (status === 503 && hasRetryAfter) return 'refused'
    if (status === 0 && this.#wasNeverBegun(stream)) return this.#error === REFUSED ? 'over' : 'again'
    return {
      lost: `status ${status}, ${body.length} bytes, stream ${stream.id}, code ${stream.rstCode}, last ${this.#last}, ${why}, session ${this.#error}`,
    }
  }

  #wasNeverBegun({ id, rstCode }: ClientHttp2Stream): boolean {
    if (rstCode === constants.NGHTTP2_REFUSED_STREAM || (id !== undefined && id > this.#last)) return true
    if (this.#error === REFUSED) return !this.#isConnected
    // It never got a number: GOAWAY came first.
    return id === undefined && this.#last !== Number.POSITIVE_INFINITY
  }
}
