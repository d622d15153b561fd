/** A transport in memory: records what we write, and lets a test be the client. */
import type { Transport, TransportHandler } from '../transport.ts'

export class MemoryTransport implements Transport {
  readonly remoteAddress: string = '192.0.2.1'
  readonly remotePort = 4711
  readonly localAddress = '127.0.0.1'
  readonly localPort = 8000
  readonly scheme = 'http'
  readonly tls = null
  handler!: TransportHandler
  descriptor = -1
  pendingBytes = 0
  /** One entry for each write. */
  readonly writes: Buffer[] = []
  readonly calls: string[] = []
  paused = false
  closed = false
  /** False: the client takes nothing, so bytes pend and `write` returns false. */
  reading = true

  get takenBytes(): number {
    return this.writes.reduce((sum, { length }) => sum + length, 0) - this.pendingBytes
  }

  get text(): string {
    return Buffer.concat(this.writes).toString('latin1')
  }

  writeJoined(text: string, data: Buffer): boolean {
    return this.write(Buffer.concat([Buffer.from(text, 'latin1'), data]))
  }

  writeBehind(text: string, data: Buffer): boolean {
    return this.writeJoined(text, data)
  }

  write(data: Buffer): boolean {
    if (this.calls.includes('end')) throw new Error('write after end')
    if (this.closed) return false
    this.writes.push(Buffer.from(data))
    if (this.reading) return true
    this.pendingBytes += data.length
    return false
  }

  pause(): void {
    this.paused = true
  }

  resume(): void {
    this.paused = false
  }

  end(): void {
    this.calls.push('end')
  }

  destroy(): void {
    this.calls.push('destroy')
    this.#close()
  }

  reset(): void {
    this.calls.push('reset')
    this.#close()
  }

  watchPeer(afterMs: number): void {
    this.calls.push(`watch ${afterMs}`)
  }

  resetIfCut(): void {
    this.calls.push('reset if cut')
  }

  #close(): void {
    if (this.closed) return
    this.closed = true
    // Never from within the call, as in node:net.
    queueMicrotask(() => this.handler.onClose())
  }

  // -- the client

  /** Overwrites the bytes afterwards: a real transport reads into a buffer that all connections share. */
  receive(data: string | Buffer): void {
    const bytes = Buffer.from(data as string, 'latin1')
    if (!this.closed) this.handler.onData(bytes)
    bytes.fill('~')
  }

  halfClose(): void {
    if (!this.closed) this.handler.onEnd()
  }

  /** The client reads what pends. */
  drain(): void {
    this.pendingBytes = 0
    this.reading = true
    this.handler.onDrain()
  }

  leave(): void {
    this.#close()
  }
}
