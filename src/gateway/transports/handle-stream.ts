/**
 * A stream on one of Node's own handles: what a transport needs of a `net.Socket`, which would cost more CPU time in each connection and each
 * write, and some KB of memory as long as the connection is open. Runs in the gateway.
 *
 * A handle takes one write at a time, and tells a turn later that it is done. What is written meanwhile waits, and is joined.
 *
 * Invariants: `close` comes once, and nothing after it. No second write is given while one is on its way: Node would abort.
 * Not here: TLS (`tls-handle.ts`), what the handles are (`handles.ts`).
 */
import { getSystemErrorName } from 'node:util'
import { type Bindings, bindings, type PlainHandle, type StreamHandle } from './handles.ts'
import { type ClientStream, received } from './stream.ts'

/** Of libuv: the client has sent its end. */
const END = -4095
/** `write` returns false when so many bytes wait, as a stream of Node's does. */
const HIGH_WATER = 64 * 1024

interface Listeners {
  end(): void
  drain(): void
  close(): void
  error(error: Error): void
}

type Taken = () => void

const NONE: readonly Taken[] = []

const { WriteWrap, ShutdownWrap, streamBaseState, kReadBytesOrError } = bindings ?? ({} as Bindings)

/** What Node's objects find their stream by. It also keeps the handle of TLS in memory as long as the one below it. */
const STREAM = Symbol('stream')

interface Owned {
  [STREAM]: HandleStream
}

/** `one` is Node's. */
function own(one: object, stream: HandleStream): void {
  ;(one as Owned)[STREAM] = stream
}

export interface Of<Handle> {
  readonly handle: Handle
  /** What is closed. Below `handle` with TLS. */
  readonly plain: PlainHandle
  /** So many bytes are in `received`. */
  readonly onBytes: (length: number) => void
  /** Once, when it is destroyed. */
  readonly onLeft: () => void
}

/** Needs `bindings`. It reads from `resume` on. */
export class HandleStream<Handle extends StreamHandle = StreamHandle> implements ClientStream {
  protected readonly handle: Handle
  readonly #plain: PlainHandle
  readonly #onBytes: (length: number) => void
  readonly #onLeft: () => void
  readonly #listeners: Listeners = { end() {}, drain() {}, close() {}, error() {} }
  /** Bytes of the write that is on its way; 0: there is none. */
  #given = 0
  #givenTaken = NONE
  /** What is written meanwhile. */
  #waiting: Buffer[] = []
  #waitingBytes = 0
  #waitingTaken: Taken[] = []
  #owesDrain = false
  #isReading = false
  #isReadOver = false
  #isWriteOver = false
  writableEnded = false
  destroyed = false

  constructor({ handle, plain, onBytes, onLeft }: Of<Handle>) {
    this.handle = handle
    this.#plain = plain
    this.#onBytes = onBytes
    this.#onLeft = onLeft
    own(handle, this)
    own(plain, this)
    handle.onread = HandleStream.#onRead
    handle.useUserBuffer(received.buffer)
  }

  on<E extends keyof Listeners>(event: E, listener: Listeners[E]): void {
    this.#listeners[event] = listener
  }

  setKeepAlive(isOn: boolean, afterMs: number): void {
    if (!this.destroyed) this.#plain.setKeepAlive?.(isOn, Math.floor(afterMs / 1000))
  }

  get bytesWritten(): number {
    return this.handle.bytesWritten
  }

  get writableLength(): number {
    return this.#given + this.#waitingBytes
  }

  write(data: Buffer, onTaken?: Taken): boolean {
    if (this.destroyed || this.writableEnded) return false
    if (this.#given > 0) this.#wait(data, onTaken)
    else if (data.length > 0) this.#give(data, onTaken === undefined ? NONE : [onTaken])
    else if (onTaken !== undefined) process.nextTick(onTaken)
    if (this.writableLength < HIGH_WATER) return true
    this.#owesDrain = true
    return false
  }

  #wait(data: Buffer, onTaken: Taken | undefined): void {
    if (data.length > 0) this.#waiting.push(data)
    this.#waitingBytes += data.length
    if (onTaken !== undefined) this.#waitingTaken.push(onTaken)
  }

  #give(data: Buffer, onTaken: readonly Taken[]): void {
    this.#given = data.length
    this.#givenTaken = onTaken
    const request = new WriteWrap()
    own(request, this)
    request.oncomplete = HandleStream.#onWritten
    this.#check(this.handle.writeBuffer(request, data), 'write')
  }

  static readonly #onWritten = function (this: Owned, status: number): void {
    const stream = this[STREAM]
    if (!stream.destroyed && stream.#check(status, 'write')) stream.#written()
  }

  #written(): void {
    const taken = this.#givenTaken
    const waiting = this.#waiting
    const waitingTaken = this.#waitingTaken
    this.#given = 0
    this.#givenTaken = NONE
    if (waitingTaken.length > 0) this.#waitingTaken = []
    if (waiting.length > 0) {
      const data = waiting.length === 1 ? waiting[0]! : Buffer.concat(waiting, this.#waitingBytes)
      this.#waiting = []
      this.#waitingBytes = 0
      this.#give(data, waitingTaken)
    }
    for (const one of taken) one()
    if (waiting.length > 0) return
    for (const one of waitingTaken) one()
    if (this.#given > 0) return
    if (this.writableEnded) this.#shutDown()
    else if (this.#owesDrain) {
      this.#owesDrain = false
      this.#listeners.drain()
    }
  }

  end(): void {
    if (this.destroyed || this.writableEnded) return
    this.writableEnded = true
    if (this.#given === 0) this.#shutDown()
  }

  #shutDown(): void {
    if (this.destroyed) return
    const request = new ShutdownWrap()
    own(request, this)
    request.oncomplete = HandleStream.#onShutDown
    this.#check(this.handle.shutdown(request), 'shutdown')
  }

  static readonly #onShutDown = function (this: Owned): void {
    const stream = this[STREAM]
    stream.#isWriteOver = true
    if (stream.#isReadOver) stream.destroy()
  }

  static readonly #onRead = function (this: Owned): void {
    const length = streamBaseState[kReadBytesOrError]!
    const stream = this[STREAM]
    if (stream.destroyed) return
    if (length > 0) stream.#onBytes(length)
    else if (length === END) stream.#readEnded()
    else stream.#check(length, 'read')
  }

  #readEnded(): void {
    if (this.#isReadOver) return
    this.#isReadOver = true
    this.#listeners.end()
    if (this.#isWriteOver) this.destroy()
  }

  pause(): void {
    if (!this.#isReading || this.destroyed) return
    this.#isReading = false
    this.handle.readStop()
  }

  resume(): void {
    if (this.#isReading || this.destroyed) return
    this.#isReading = true
    this.#check(this.handle.readStart(), 'read')
  }

  /** False: it was an error, and the stream is destroyed. */
  #check(status: number, call: string): boolean {
    if (status >= 0) return true
    this.destroy(new Error(`${call} ${getSystemErrorName(status)}`))
    return false
  }

  destroy(error?: Error): void {
    this.#close(error, false)
  }

  /** Destroys it, with a reset where the connection has one. */
  reset(): void {
    this.#close(undefined, true)
  }

  #close(error: Error | undefined, isReset: boolean): void {
    if (this.destroyed) return
    this.destroyed = true
    if (error !== undefined) this.#listeners.error(error)
    const plain = this.#plain
    const onClosed = () => this.closed()
    if (!isReset || plain.reset === undefined || plain.reset(onClosed) !== 0) plain.close(onClosed)
    this.#onLeft()
  }

  /** The handle has closed. */
  protected closed(): void {
    const taken = [...this.#givenTaken, ...this.#waitingTaken]
    this.#given = this.#waitingBytes = 0
    for (const one of taken) one()
    this.#listeners.close()
  }
}
