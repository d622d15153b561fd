/**
 * Requests at a fixed rate, however long the answers take. A load that waits for answers slows down with the program and never overloads
 * it.
 */
import type { Target } from '../support/target.ts'
import { Broken, Client } from './client.ts'
import { makeRequest, noCounts } from './load.ts'

/** More connections than a full queue and all slots hold: those that are refused come back at once. */
const MAX_CONNECTIONS = 2000
const TICK_MS = 5
const OUT_OF_CONNECTIONS = 'the load ran out of connections: answers do not come'
/** Over TLS: made before the load, because handshakes in it would measure this process, which makes all of them. */
const MADE_BEFORE = 300

export class OpenLoad {
  readonly counts = noCounts()
  readonly problems: string[] = []
  /** Milliseconds. */
  readonly answerTimes: number[] = []
  readonly refusalTimes: number[] = []
  readonly #target: Target
  readonly #viewMs: number
  readonly #idle: Client[] = []
  #open = 0
  #inFlight = 0

  constructor(target: Target, viewMs: number) {
    this.#target = target
    this.#viewMs = viewMs
  }

  /** Resolves when all have ended, with the answers a second while requests came. */
  async run(perSecond: number, seconds: number): Promise<number> {
    if (typeof this.#target === 'object') await this.#connect(MADE_BEFORE)
    const began = performance.now()
    const total = Math.round(perSecond * seconds)
    for (let made = 0; made < total; ) {
      const due = Math.min(total, Math.floor(((performance.now() - began) / 1000) * perSecond))
      for (; made < due; made++) void this.#exchange()
      // wait: requests come by the clock, whatever becomes of those before
      await new Promise(resolve => setTimeout(resolve, TICK_MS))
    }
    const goodput = this.counts.answered / ((performance.now() - began) / 1000)
    while (this.#inFlight > 0) await new Promise(resolve => setTimeout(resolve, TICK_MS))
    for (const client of this.#idle) client.close()
    return goodput
  }

  /** A few at a time; each makes a request that does not count. */
  async #connect(count: number): Promise<void> {
    const next = async () => {
      while (this.#open < count) {
        this.#open++
        const client = new Client(this.#target)
        await client.request(makeRequest('get').data)
        this.#idle.push(client)
      }
    }
    await Promise.all(Array.from({ length: 4 }, next))
  }

  async #exchange(): Promise<void> {
    const client = this.#take()
    if (client === null) return
    const { counts } = this
    const request = makeRequest('get', this.#viewMs)
    counts.sent++
    this.#inFlight++
    const began = performance.now()
    try {
      const { status, headers, body } = await client.request(request.data)
      const elapsed = performance.now() - began
      if (status === 200 && body === request.expected) {
        counts.answered++
        this.answerTimes.push(elapsed)
      } else if (status === 503 && headers.has('retry-after')) {
        counts.refused++
        this.refusalTimes.push(elapsed)
      } else {
        this.#lose(`answered ${status} ${body.slice(0, 100)}, Retry-After ${headers.get('retry-after')}`)
      }
    } catch (error) {
      if (!(error instanceof Broken)) throw error
      this.#lose(error.message)
    }
    this.#inFlight--
    if (client.isClosed) this.#open--
    else this.#idle.push(client)
  }

  #take(): Client | null {
    for (let client = this.#idle.pop(); client !== undefined; client = this.#idle.pop()) {
      if (!client.isClosed) return client
      this.#open--
    }
    if (this.#open >= MAX_CONNECTIONS) {
      if (!this.problems.includes(OUT_OF_CONNECTIONS)) this.problems.push(OUT_OF_CONNECTIONS)
      return null
    }
    this.#open++
    return new Client(this.#target)
  }

  #lose(why: string): void {
    this.counts.lost++
    if (this.problems.length < 5) this.problems.push(`lost: ${why}`)
  }
}
