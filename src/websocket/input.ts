/**
 * From bytes to messages, in order, with a pause anywhere: around the receiver of `ws`, which reads frames, unmasks, inflates and
 * finds what is wrong. Sans-IO; cutting the bytes differently changes nothing.
 *
 * Bounds while paused: what was pushed before the stream stopped, and the messages that end within one slice of it; one slice
 * of compressed bytes can be a thousand times as much (8 MiB), which is why it is not the whole read. Not here: what an event leads to.
 */
import { ByteQueue } from '../base/byte-queue.ts'
import { Pieces } from './pieces.ts'
import { DEFLATE, type PerMessageDeflate, Receiver } from './ws.ts'

/** So many bytes at a time are shown to the receiver, which does not stop until it has used them up. */
const SLICE = 8 * 1024
/** Waiting for the inflating of what was before: above it the stream should pause. */
const MAX_WAITING = 64 * 1024
/** Frames of one message: one of 16 MiB may come in frames of 128 bytes. Each costs some 150 bytes more than its own: 20 MiB at most. */
const MAX_FRAGMENTS = 128 * 1024
/** Pieces of one frame. The largest one (2 GiB) has fewer: they are joined (`pieces.ts`). */
const MAX_PIECES = 128 * 1024
/** `ws` keeps the limit as an int32. */
const MAX_INT32 = 0x7fff_ffff

export interface InputSink {
  onMessage(data: Buffer, isText: boolean): void
  onPing(data: Buffer): void
  /** A close frame: 1005 when it has no code. Nothing follows. */
  onCloseFrame(code: number, reason: string): void
  /** `code` is what to close with. Nothing follows. */
  onInvalid(code: number, reason: string): void
  /** All was read, and the client says no more. Nothing follows. */
  onInputEnd(): void
  /** `isFull` has become false, while nothing was pushed. */
  onRoom(): void
}

type Event =
  | { readonly data: Buffer; readonly isText: boolean }
  /** The last one: the client's close frame, or what is wrong. */
  | { readonly code: number; readonly reason: string; readonly isValid: boolean }

interface OwnedReceiver extends Receiver {
  owner: FrameInput
}

export class FrameInput {
  readonly #sink: InputSink
  readonly #receiver: OwnedReceiver
  readonly #deflate: PerMessageDeflate | undefined
  readonly #maxMessage: number
  /** Bytes that the receiver has not seen. */
  readonly #waiting = new ByteQueue()
  readonly #pieces = new Pieces()
  /** What the receiver has found while the consumer was paused. */
  readonly #found: Event[] = []
  /** The receiver has not called back: it inflates. */
  #busy = false
  #running = false
  #ended = false
  #over = false
  #muted = false
  #disposed = false
  isPaused = false

  constructor(sink: InputSink, maxMessage: number, extensions: Record<string, PerMessageDeflate>) {
    this.#sink = sink
    this.#maxMessage = maxMessage
    this.#deflate = extensions[DEFLATE]
    this.#receiver = new Receiver({
      isServer: true,
      maxPayload: Math.min(maxMessage, MAX_INT32),
      maxFragments: MAX_FRAGMENTS,
      maxBufferedChunks: MAX_PIECES,
      extensions,
    }) as OwnedReceiver
    this.#receiver.owner = this
    this.#receiver.on('message', onMessage).on('ping', onPing).on('conclude', onConclude)
  }

  /** The stream should stop reading. */
  get isFull(): boolean {
    return this.isPaused || this.#waiting.bytes > MAX_WAITING
  }

  /** Copies: `chunk` is valid during the call only. */
  push(chunk: Buffer): void {
    if (this.#over || this.#ended) return
    this.put(Buffer.from(chunk))
    this.run()
  }

  /** As `push`, for bytes that are ours already; nothing is told before the next call. */
  put(bytes: Buffer): void {
    if (bytes.length === 0) return
    this.#waiting.push(bytes)
  }

  /** No more will be pushed. */
  end(): void {
    this.#ended = true
    this.run()
  }

  pause(): void {
    this.isPaused = true
  }

  resume(): void {
    this.isPaused = false
    this.run()
  }

  /** From now on messages are thrown away; the close frame is still waited for. */
  mute(): void {
    this.#muted = true
    this.resume()
  }

  /** Nothing more is read or told. */
  stop(): void {
    this.#over = true
    this.#waiting.clear()
    this.#found.length = 0
  }

  /** Gives the memory of inflating back, unless it is in use. */
  release(): void {
    if (!this.#busy && this.#receiver._fragmented === 0) this.#deflate?.cleanup()
  }

  /** The stream is gone. What zlib has in hand it must finish: one that is closed meanwhile never calls back. */
  dispose(): void {
    this.stop()
    this.#disposed = true
    if (!this.#busy) this.#deflate?.cleanup()
  }

  /** Goes on with what there is. One loop, never nested: a consumer may pause, resume or stop from within an event. */
  run(): void {
    if (this.#running) return
    this.#running = true
    while (!this.isPaused && !this.#over) {
      const event = this.#found.shift()
      if (event !== undefined) this.#tell(event)
      else if (this.#busy || this.#waiting.bytes === 0) break
      else this.#feed()
    }
    this.#running = false
    if (this.#ended && !this.#over && !this.isPaused && !this.#busy && this.#waiting.bytes === 0) {
      this.stop()
      this.#sink.onInputEnd()
    }
  }

  #feed(): void {
    const slice = this.#waiting.first!.subarray(0, SLICE)
    this.#waiting.drop(slice.length)
    this.#busy = true
    // Past the stream that the receiver is in form: so the callback says at once whether the bytes are used up.
    this.#receiver._write(slice, 'buffer', this.#used)
    this.#pieces.gather(this.#receiver._buffers)
  }

  readonly #used = (error?: Error | null): void => {
    this.#busy = false
    if (this.#disposed) {
      this.#deflate?.cleanup()
    } else if (error) {
      const [code, reason] = this.#meaning(error as NodeJS.ErrnoException)
      this.found({ code, reason, isValid: false })
    } else if (!this.#running) {
      const wasFull = this.isFull
      this.run()
      if (wasFull && !this.isFull) this.#sink.onRoom()
    }
  }

  // -- from the receiver

  found(event: Event): void {
    if (this.#over) return
    if (this.isPaused || this.#found.length > 0) this.#found.push(event)
    else this.#tell(event)
  }

  ping(data: Buffer): void {
    if (!this.#over) this.#sink.onPing(data)
  }

  #tell(event: Event): void {
    if ('code' in event) {
      this.stop()
      if (event.isValid) this.#sink.onCloseFrame(event.code, event.reason)
      else this.#sink.onInvalid(event.code, event.reason)
    } else if (!this.#muted) {
      this.#sink.onMessage(event.data, event.isText)
    }
  }

  #meaning(error: NodeJS.ErrnoException): readonly [code: number, reason: string] {
    switch (error.code) {
      case 'WS_ERR_EXPECTED_MASK':
        return [1002, 'a frame is not masked (RFC6455§5.1)']
      case 'WS_ERR_UNEXPECTED_RSV_1':
      case 'WS_ERR_UNEXPECTED_RSV_2_3':
        return [1002, 'a reserved bit is set (RFC6455§5.2)']
      case 'WS_ERR_INVALID_OPCODE':
        return [1002, 'a frame has an opcode that is unknown or out of place (RFC6455§5.2, §5.4)']
      case 'WS_ERR_EXPECTED_FIN':
        return [1002, 'a control frame is fragmented (RFC6455§5.5)']
      case 'WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH':
        return [1002, 'a control frame has an invalid length (RFC6455§5.5)']
      case 'WS_ERR_INVALID_CLOSE_CODE':
        return [1002, 'a close code may not be sent (RFC6455§7.4)']
      case 'WS_ERR_INVALID_UTF8':
        return [1007, 'a text is not UTF-8 (RFC6455§8.1)']
      case 'WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH':
      case 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH':
        return [1009, `a message is larger than ${this.#maxMessage} bytes`]
      case 'WS_ERR_TOO_MANY_BUFFERED_PARTS':
        return [1008, 'a message comes in too many pieces']
      default:
        // Of zlib: Z_DATA_ERROR and the like.
        return [1007, 'a compressed message is malformed (RFC7692§7.2.2)']
    }
  }
}

// One function for all connections: a closure each would be kept by every idle one.

function onMessage(this: OwnedReceiver, data: Buffer, isBinary: boolean): void {
  this.owner.found({ data, isText: !isBinary })
}

function onPing(this: OwnedReceiver, data: Buffer): void {
  this.owner.ping(data)
}

function onConclude(this: OwnedReceiver, code: number, reason: Buffer): void {
  this.owner.found({ code, reason: reason.toString(), isValid: true })
}
