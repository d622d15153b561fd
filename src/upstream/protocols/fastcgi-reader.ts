/**
 * Responses of FastCGI, sans-IO: records in, calls out. Runs in the gateway.
 *
 *     idle ──begin──▶ header ⇄ content ⇄ padding ──END_REQUEST──▶ idle          any ──▶ failed
 *
 * Invariants: the same bytes make the same calls, however they are cut. Nothing of a record is kept but its header and the body of END_REQUEST. A
 * response ends with END_REQUEST; a connection that ends before has cut it.
 * Not here: what a script's output means (`cgi/response-parser.ts`), requests (`fastcgi-records.ts`).
 */
import { ErrorLines } from '../../cgi/error-lines.ts'
import { CgiResponseParser } from '../../cgi/response-parser.ts'
import type { Expected, ResponseSink } from '../response-parser.ts'
import { UpstreamViolation } from '../violation.ts'
import type { ResponseReader } from './dialect.ts'
import { BODY, HEADER, REQUEST_ID, RecordType, VERSION } from './fastcgi-records.ts'
import { upstreamHead } from './script-head.ts'

const EMPTY = Buffer.alloc(0)

/** Of END_REQUEST, §5.5. */
const REFUSALS: readonly string[] = [
  '',
  'takes one request at a time (FCGI_CANT_MPX_CONN)',
  'is overloaded (FCGI_OVERLOADED)',
  'does not answer requests (FCGI_UNKNOWN_ROLE)',
]

/** How records are read that the spawner of CGI programs sends beside those of FastCGI (`cgi.ts`). */
export interface OwnRecords {
  /** Their types are this and above. */
  readonly from: number
  /** `content`: all of it, a view. Throws for what is no record of the spawner. */
  onRecord(type: number, content: Buffer, sink: ResponseSink): void
}

/** Content of one record of our own. */
const MAX_OWN = 2048

export class FastCgiReader implements ResponseReader {
  readonly #sink: ResponseSink
  readonly #keepsAlive: boolean
  readonly #own: OwnRecords | null
  /** Of the record of our own that is being read. */
  #ownContent: Buffer[] = []
  #state: 'idle' | 'header' | 'content' | 'padding' | 'failed' = 'idle'
  /** Of a header, or of the body of END_REQUEST. */
  readonly #kept = Buffer.alloc(HEADER)
  #keptLength = 0
  #type = 0
  #remaining = 0
  #padding = 0
  /** END_REQUEST has come: its padding ends the response. */
  #isOver = false
  #parser: CgiResponseParser | null = null
  #errors: ErrorLines | null = null
  hasBegun = false

  /** `own`: null: it is a server that others have written. */
  constructor(sink: ResponseSink, keepsAlive: boolean, own: OwnRecords | null = null) {
    this.#sink = sink
    this.#keepsAlive = keepsAlive
    this.#own = own
  }

  get isIdle(): boolean {
    return this.#state === 'idle'
  }

  begin({ isHead }: Expected): void {
    if (this.#state !== 'idle') throw new Error(`a request was begun while its connection was ${this.#state}`)
    this.#state = 'header'
    this.hasBegun = this.#isOver = false
    this.#keptLength = 0
    this.#errors = null
    this.#parser = new CgiResponseParser(
      // A program of CGI whose name begins with nph- writes one (RFC3875§5).
      { isHead, mayHaveStatusLine: this.#own !== null },
      {
        onHead: head => this.#sink.onHead(upstreamHead(head, this.#keepsAlive)),
        onBody: chunk => this.#sink.onBody(chunk),
      },
    )
  }

  receive(chunk: Buffer): void {
    try {
      this.#receive(chunk)
    } catch (error) {
      this.#fail((error as Error).message)
    }
  }

  end(): void {
    if (this.#state === 'idle' || this.#state === 'failed') return
    if (this.#isOver) this.#ended()
    else this.#fail(this.#parser!.hasHead ? 'closed in mid-response' : 'closed before its response')
  }

  stop(): void {
    this.#errors?.end()
    this.#state = 'failed'
    this.#parser = this.#errors = null
    this.#ownContent = []
  }

  #fail(what: string): never {
    this.stop()
    throw new UpstreamViolation(what)
  }

  #receive(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length) {
      switch (this.#state) {
        case 'header':
          this.hasBegun = true
          at = this.#keep(chunk, at, HEADER)
          if (this.#keptLength === HEADER) this.#onHeader()
          break
        case 'content':
          at = this.#readContent(chunk, at)
          break
        case 'padding': {
          const end = Math.min(chunk.length, at + this.#padding)
          this.#padding -= end - at
          at = end
          if (this.#padding === 0) this.#nextRecord()
          break
        }
        case 'idle':
          throw new Error('bytes behind the end of its response')
        case 'failed':
          return
      }
    }
  }

  #keep(chunk: Buffer, at: number, size: number): number {
    const end = Math.min(chunk.length, at + size - this.#keptLength)
    chunk.copy(this.#kept, this.#keptLength, at, end)
    this.#keptLength += end - at
    return end
  }

  #onHeader(): void {
    const header = this.#kept
    this.#keptLength = 0
    if (header[0] !== VERSION) throw new Error('what it sent is no FastCGI')
    this.#type = header[1]!
    const id = header.readUInt16BE(2)
    // 0: a record about the connection, which means nothing to a request.
    if (id !== REQUEST_ID && id !== 0) throw new Error(`a record of the request ${id}, which there is not`)
    if (id === 0) this.#type = 0
    this.#remaining = header.readUInt16BE(4)
    this.#padding = header[6]!
    if (this.#type === RecordType.END_REQUEST && this.#remaining !== BODY)
      throw new Error(`an END_REQUEST of ${this.#remaining} bytes, not ${BODY}`)
    if (this.#own !== null && this.#type >= this.#own.from) {
      if (this.#remaining > MAX_OWN) throw new Error(`a record ${this.#type} of ${this.#remaining} bytes`)
      if (this.#remaining === 0) this.#own.onRecord(this.#type, EMPTY, this.#sink)
    }
    if (this.#state === 'header') this.#afterContent()
  }

  #readContent(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#remaining)
    this.#remaining -= end - at
    const content = chunk.subarray(at, end)
    switch (this.#type) {
      case RecordType.STDOUT:
        this.#parser!.receive(content)
        break
      case RecordType.STDERR:
        this.#errors ??= new ErrorLines(line => this.#sink.onNote(`says: ${line}`))
        this.#errors.receive(content)
        break
      case RecordType.END_REQUEST:
        this.#keep(chunk, at, BODY)
        if (this.#keptLength === BODY) this.#onEndRequest()
        break
      default:
        if (this.#own !== null && this.#type >= this.#own.from) this.#onOwnContent(this.#own, content)
        break
    }
    // A call may have stopped it.
    if (this.#state === 'content') this.#afterContent()
    return end
  }

  #onOwnContent(own: OwnRecords, content: Buffer): void {
    this.#ownContent.push(Buffer.from(content))
    if (this.#remaining > 0) return
    const whole = Buffer.concat(this.#ownContent)
    this.#ownContent = []
    own.onRecord(this.#type, whole, this.#sink)
  }

  #afterContent(): void {
    if (this.#remaining > 0) this.#state = 'content'
    else if (this.#padding > 0) this.#state = 'padding'
    else this.#nextRecord()
  }

  #nextRecord(): void {
    this.#keptLength = 0
    if (this.#isOver) this.#ended()
    else this.#state = 'header'
  }

  #onEndRequest(): void {
    const refusal = this.#kept[4]!
    if (refusal !== 0) throw new Error(REFUSALS[refusal] ?? `refused the request (${refusal})`)
    this.#errors?.end()
    this.#parser!.end()
    this.#isOver = true
  }

  #ended(): void {
    this.#state = 'idle'
    this.#parser = this.#errors = null
    this.#sink.onEnd([])
  }
}
