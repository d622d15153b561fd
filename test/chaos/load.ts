/**
 * The load of the chaos runner: keep-alive connections that each send one request after the other and check every answer.
 * Each request is in exactly one count, by what became of it. A request that should have been answered and was not is `lost`, with
 * the reason among `problems`.
 */
import { crc32 } from 'node:zlib'
import type { Target } from '../support/target.ts'
import { type Answer, Broken, Client } from './client.ts'

export interface Counts {
  sent: number
  /** With the right content. */
  answered: number
  /** 503 with Retry-After. */
  refused: number
  /** In flight on a gateway, or a thread of it, that was killed. */
  cut: number
  /** Not idempotent, and may have been started by the worker that was killed: answered 502, never repeated. */
  failed: number
  lost: number
}

export type Kind = 'get' | 'wait' | 'post' | 'upload' | 'large' | 'stream' | 'print'

export interface LoadOptions {
  readonly target: Target
  readonly connections: number
  /** In turn. */
  readonly kinds: readonly Kind[]
  /** Between an answer and the next request of a connection. */
  readonly pauseMs: number
  /** False: each request has a connection of its own. */
  readonly keepsAlive: boolean
  /** Workers are killed: what is not idempotent may fail. */
  readonly mayFail: boolean
  /** The same of an answer that the scenario provokes, such as 504 at the deadline. */
  readonly isFailure?: (answer: Answer) => boolean
  /** There is an answer that is no success and no loss: `refused` counts it. */
  readonly isRefusal?: (answer: Answer, kind: Kind) => boolean
}

const MAX_PROBLEMS = 10
const UPLOAD = Buffer.alloc(150_000, 'u')
/** More than the gateway keeps in memory. */
const LARGE = Buffer.alloc(1_500_000, 'l')
const POSTED: readonly Kind[] = ['post', 'upload', 'large']
let lastId = 0

export interface Request {
  readonly kind: Kind
  readonly data: Buffer
  readonly expected: string
}

/** With an id of its own. `ms`: what the view waits. */
export function makeRequest(kind: Kind, ms = 0): Request {
  const id = `r${++lastId}`
  const head = (method: string, target: string, more = '') =>
    Buffer.from(`${method} ${target} HTTP/1.1\r\nHost: chaos\r\n${more}\r\n`)
  if (POSTED.includes(kind)) {
    const content = kind === 'post' ? Buffer.from(`content of ${id}`) : kind === 'upload' ? UPLOAD : LARGE
    const data = Buffer.concat([head('POST', `/post/${id}?ms=${ms}`, `Content-Length: ${content.length}\r\n`), content])
    return { kind, data, expected: `post ${id} ${content.length} ${crc32(content)}` }
  }
  if (kind === 'stream') {
    const expected = Array.from({ length: 10 }, (_, part) => `${id} ${part}\n`).join('')
    return { kind, data: head('GET', `/stream/${id}`), expected }
  }
  const name = kind === 'wait' ? 'get' : kind
  return { kind, data: head('GET', `/${name}/${id}?ms=${kind === 'wait' ? 5 : ms}`), expected: `${name} ${id}` }
}

export function noCounts(): Counts {
  return { sent: 0, answered: 0, refused: 0, cut: 0, failed: 0, lost: 0 }
}

export class Load {
  readonly counts: Counts = noCounts()
  /** Why requests were lost; the first ones. */
  readonly problems: string[] = []
  /** Milliseconds of each request that was answered since `forgetTimes`. */
  times: number[] = []
  readonly #options: LoadOptions
  readonly #clients = new Set<Client>()
  #running: Promise<unknown> = Promise.resolve()
  #isOver = false

  constructor(options: LoadOptions) {
    this.#options = options
  }

  start(): this {
    const { connections } = this.#options
    this.#running = Promise.all(Array.from({ length: connections }, (_, index) => this.#run(index)))
    return this
  }

  /** Right before the kill: whatever leads to that gateway may be cut. */
  gatewayDies(): void {
    for (const client of this.#clients) client.isDoomed = true
  }

  /** It was a thread of it, and that is over: what is open now is to be answered. */
  gatewayLives(): void {
    for (const client of this.#clients) client.isDoomed = false
  }

  /** Sends nothing more; resolves when all that was sent has ended. */
  async finish(): Promise<void> {
    this.#isOver = true
    await this.#running
    for (const client of this.#clients) client.close()
  }

  forgetTimes(): void {
    this.times = []
  }

  async #run(index: number): Promise<void> {
    const { kinds, pauseMs, target, keepsAlive } = this.#options
    let client: Client | null = null
    for (let turn = index; !this.#isOver; turn++) {
      if (client === null || client.isClosed) {
        if (client !== null) this.#clients.delete(client)
        client = new Client(target)
        this.#clients.add(client)
      }
      await this.#exchange(client, makeRequest(kinds[turn % kinds.length]!))
      if (!keepsAlive) client.close()
      // wait: the pause of a client between two requests
      await new Promise(resolve => setTimeout(resolve, pauseMs * (0.5 + Math.random())))
    }
  }

  async #exchange(client: Client, request: Request): Promise<void> {
    const { counts } = this
    counts.sent++
    const began = performance.now()
    try {
      const answer = await client.request(request.data)
      this.times.push(performance.now() - began)
      this.#judge(request, answer)
    } catch (error) {
      if (!(error instanceof Broken)) throw error
      client.close()
      if (client.isDoomed) counts.cut++
      else this.#lose(request, error.message)
    }
  }

  #judge(request: Request, answer: Answer): void {
    const { mayFail, isRefusal, isFailure } = this.#options
    const { status, body } = answer
    if (status === 200 && body === request.expected) this.counts.answered++
    else if (status === 503 && answer.headers.has('retry-after')) this.counts.refused++
    else if (isRefusal?.(answer, request.kind)) this.counts.refused++
    else if (isFailure?.(answer)) this.counts.failed++
    else if (status === 502 && mayFail && POSTED.includes(request.kind)) this.counts.failed++
    else this.#lose(request, `answered ${status} ${JSON.stringify(body.slice(0, 200))}`)
  }

  #lose({ data }: Request, why: string): void {
    this.counts.lost++
    if (this.problems.length < MAX_PROBLEMS)
      this.problems.push(`lost: ${data.toString('latin1', 0, data.indexOf('\r'))}: ${why}`)
  }
}

/** `p`: 0 to 1. */
export function percentile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? Number.NaN
}
