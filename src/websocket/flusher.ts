/** One microtask flushes all connections that have frames to send: a broadcast to thousands needs no more than one. */
export class Flusher {
  #waiting: { flush(): void }[] = []

  add(one: { flush(): void }): void {
    if (this.#waiting.length === 0) queueMicrotask(() => this.#flush())
    this.#waiting.push(one)
  }

  #flush(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const one of waiting) one.flush()
  }
}
