/**
 * What one connection sends. A write that the client does not take at once starts its time (`pace.ts`); heads that wait for content
 * leave together, at the end of the turn. Runs in the gateway, for each response.
 */
import type { Transport } from '../http/transport.ts'
import type { FileBuffers } from '../protocols/file-buffers.ts'
import type { Pace } from '../protocols/pace.ts'
import type { Http1Context } from './context.ts'

export class Output {
  readonly #transport: Transport
  readonly #pace: Pace
  readonly #context: Http1Context

  constructor(transport: Transport, pace: Pace, context: Http1Context) {
    this.#transport = transport
    this.#pace = pace
    this.#context = context
  }

  /** False: the client is slow; `drained` of the writer is called when it has caught up. */
  send(data: Buffer): boolean {
    const taken = this.#transport.write(data)
    if (!taken) this.#pace.awaitTaking()
    return taken
  }

  /** Latin-1 text and the bytes behind it. */
  sendJoined(text: string, data: Buffer): boolean {
    const taken = this.#transport.writeJoined(text, data)
    if (!taken) this.#pace.awaitTaking()
    return taken
  }

  flushLater(writer: { flush(): void }): void {
    this.#context.flusher.add(writer)
  }

  /** The end of the connection will be the end of the content: a connection that is cut must not look like that. */
  endsWithConnection(): void {
    this.#transport.resetIfCut()
  }

  /** The kernel has all that was sent: buffers may be used again. */
  get isAllTaken(): boolean {
    return this.#transport.pendingBytes === 0
  }

  get fileBuffers(): FileBuffers {
    return this.#context.fileBuffers
  }
}
