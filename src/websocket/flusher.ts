/** One microtask for all connections that have something to send at the end of a turn: a broadcast needs no more. */
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
