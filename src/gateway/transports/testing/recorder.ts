/** A handler that writes down what it is told. */
import type { TransportHandler } from '../../../http/transport.ts'

export class Recorder implements TransportHandler {
  readonly chunks: Buffer[] = []
  readonly calls: string[] = []
  #waiting: { call: string; resolve: () => void }[] = []

  #called(call: string): void {
    this.calls.push(call)
    for (const waiter of this.#waiting) if (waiter.call === call) waiter.resolve()
  }
  onData(chunk: Buffer): void {
    this.chunks.push(Buffer.from(chunk))
    this.#called('data')
  }
  onEnd(): void {
    this.#called('end')
  }
  onDrain(): void {
    this.#called('drain')
  }
  onClose(): void {
    this.#called('close')
  }
  async until(call: string): Promise<void> {
    if (!this.calls.includes(call)) await new Promise<void>(resolve => this.#waiting.push({ call, resolve }))
  }
  get text(): string {
    return Buffer.concat(this.chunks).toString()
  }
}
