/**
 * What one connection sends. A write that the client does not take at once starts its time (`pace.ts`); heads that wait for content
 * leave together, at the end of the turn. Runs in the gateway, for each response.
 *
 * Content that is valid during a call only is copied into blocks that are used again when the kernel has all that was written.
 */
import { BLOCK, blocksOf } from '../base/block-queue.ts'
import type { Transport } from '../http/transport.ts'
import type { FileBuffers } from '../protocols/file-buffers.ts'
import type { Flusher } from '../protocols/flusher.ts'
import type { ProtocolOptions } from '../protocols/options.ts'
import type { Pace } from '../protocols/pace.ts'

/** Up to this the transport copies what is written, into memory that it uses again. */
const SMALL = 16 * 1024
const NOTHING = Buffer.alloc(0)

/** What the outputs of all connections share. */
export interface OutputContext extends Pick<ProtocolOptions, 'memory' | 'fileBuffers'> {
  readonly flusher: Flusher
}

export class Output {
  readonly #transport: Transport
  readonly #pace: Pace
  readonly #context: OutputContext
  /** Blocks that the transport still reads. */
  readonly #lent: Buffer[] = []

  constructor(transport: Transport, pace: Pace, context: OutputContext) {
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
    if (text.length + data.length > SMALL) return this.sendView(text, data, '')
    const taken = this.#transport.writeJoined(text, data)
    if (!taken) this.#pace.awaitTaking()
    return taken
  }

  /** The same for bytes that stay as they are. */
  sendBehind(text: string, data: Buffer): boolean {
    if (text.length + data.length <= SMALL) return this.sendJoined(text, data)
    const taken = this.#transport.writeBehind(text, data)
    if (!taken) this.#pace.awaitTaking()
    return taken
  }

  /** The same for latin-1 text before and behind bytes that are valid during the call only. `after` is short. */
  sendView(before: string, data: Buffer, after: string): boolean {
    if (after === '' && before.length + data.length <= SMALL) return this.sendJoined(before, data)
    if (before.length > SMALL) {
      this.send(Buffer.from(before, 'latin1'))
      return this.sendView('', data, after)
    }
    const blocks = blocksOf(this.#context.memory)
    let block = blocks.take()
    let at = block.write(before, 0, 'latin1')
    let isTaken = true
    for (let from = 0; from < data.length; ) {
      if (at === BLOCK) {
        isTaken = this.#sendBlock(block, at) && isTaken
        block = blocks.take()
        at = 0
      }
      const copied = data.copy(block, at, from)
      from += copied
      at += copied
    }
    const fits = at + after.length <= BLOCK
    if (fits) at += block.write(after, at, 'latin1')
    isTaken = this.#sendBlock(block, at) && isTaken
    return fits ? isTaken : this.sendJoined(after, NOTHING) && isTaken
  }

  #sendBlock(block: Buffer, length: number): boolean {
    const isTaken = this.send(block.subarray(0, length))
    if (this.isAllTaken) blocksOf(this.#context.memory).giveBack(block)
    // Else nobody tells when it has left: it is lost.
    else if (!isTaken) this.#lent.push(block)
    return isTaken
  }

  /** From the connection: the kernel has taken what was sent. */
  drained(): void {
    if (this.#lent.length === 0 || !this.isAllTaken) return
    for (const block of this.#lent.splice(0)) blocksOf(this.#context.memory).giveBack(block)
  }

  flushLater(writer: { flush(): void }): void {
    this.#context.flusher.add(writer)
  }

  /** The end of the connection will be the end of the content: a connection that is cut must not look like that. */
  endsWithConnection(): void {
    this.#transport.resetIfCut()
  }

  /** After a whole request the connection may close as soon as its response is with the kernel: nothing more can have come, so no reset follows. */
  get closesAtOnce(): boolean {
    return false
  }

  /** The kernel has all that was sent: buffers may be used again. */
  get isAllTaken(): boolean {
    return this.#transport.pendingBytes === 0
  }

  get fileBuffers(): FileBuffers {
    return this.#context.fileBuffers
  }
}
