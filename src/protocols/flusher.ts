/** What waits until the end of the turn of the event loop. One timer serves all. Runs in the gateway. */

export interface Flushable {
  flush(): void
}

export class Flusher {
  #waiting: Flushable[] = []

  add(writer: Flushable): void {
    if (this.#waiting.length === 0) setImmediate(() => this.#flush())
    this.#waiting.push(writer)
  }

  #flush(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const writer of waiting) writer.flush()
  }
}
