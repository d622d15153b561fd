/**
 * Reads a response that a connection carries as a script of CGI writes it, and that ends with its length or with the connection: SCGI, uwsgi. Sans-IO.
 * Runs in the gateway.
 */
import { CgiResponseParser } from '../../cgi/response-parser.ts'
import type { Expected, ResponseSink } from '../response-parser.ts'
import { UpstreamViolation } from '../violation.ts'
import type { ResponseReader } from './dialect.ts'
import { upstreamHead } from './script-head.ts'

export class ScriptReader implements ResponseReader {
  readonly #sink: ResponseSink
  readonly #mayHaveStatusLine: boolean
  #state: 'idle' | 'reading' | 'failed' = 'idle'
  #parser: CgiResponseParser | null = null
  hasBegun = false

  constructor(sink: ResponseSink, mayHaveStatusLine: boolean) {
    this.#sink = sink
    this.#mayHaveStatusLine = mayHaveStatusLine
  }

  get isIdle(): boolean {
    return this.#state === 'idle'
  }

  begin({ isHead }: Expected): void {
    if (this.#state !== 'idle') throw new Error(`a request was begun while its connection was ${this.#state}`)
    this.#state = 'reading'
    this.hasBegun = false
    this.#parser = new CgiResponseParser(
      { isHead, mayHaveStatusLine: this.#mayHaveStatusLine },
      {
        onHead: head => this.#sink.onHead(upstreamHead(head, false)),
        onBody: chunk => this.#sink.onBody(chunk),
      },
    )
  }

  receive(chunk: Buffer): void {
    // Behind its length a server may still say something: the connection is closed, and nobody reads it.
    if (this.#state !== 'reading') return
    this.hasBegun = true
    const parser = this.#parser!
    this.#try(() => parser.receive(chunk))
    // A call may have stopped it.
    if (this.#parser === parser && parser.isComplete) this.#ended()
  }

  end(): void {
    if (this.#state !== 'reading') return
    const parser = this.#parser!
    this.#try(() => parser.end())
    this.#ended()
  }

  stop(): void {
    this.#state = 'failed'
    this.#parser = null
  }

  #try(step: () => void): void {
    try {
      step()
    } catch (error) {
      this.stop()
      throw new UpstreamViolation((error as Error).message)
    }
  }

  #ended(): void {
    this.#state = 'idle'
    this.#parser = null
    this.#sink.onEnd([])
  }
}
