/**
 * Checks passwords without a pause for anybody: asks a thread, which is there only while there is something to check. One for each thread of
 * the gateway, so that a login attack costs no more than one core of each.
 *
 * Invariants: one password is checked at a time, in order. So many wait at most. Each question has its answer, also when the thread dies.
 * Nothing of it keeps the process alive.
 */
import { extname, join } from 'node:path'
import { Worker } from 'node:worker_threads'

export interface HashQuestion {
  readonly id: number
  readonly password: Uint8Array
  readonly hash: string
}

export interface HashAnswer {
  readonly id: number
  readonly isRight: boolean
  /** Why it could not be checked; null: it was. */
  readonly problem: string | null
}

/** With a tenth of a second for each, the last waits six seconds: a person still waits then, and a longer queue is an attack. */
const MAX_WAITING = 64
/** A check lasts about a second at most, and no more checks are on the way than these. */
const IDLE_MS = 60_000
/** bcrypt's tables and the code; what Argon2 takes is not in the heap. */
const MAX_HEAP_MB = 64

/** `.ts` in a checkout and `.js` when installed, as this file. */
const SCRIPT = join(import.meta.dirname, `hash-thread${extname(import.meta.filename)}`)

export class Hasher {
  #thread: Worker | null = null
  #nextId = 0
  readonly #waiting = new Map<number, { resolve(isRight: boolean): void; reject(error: Error): void }>()
  #idle: NodeJS.Timeout | null = null

  get isFull(): boolean {
    return this.#waiting.size >= MAX_WAITING
  }

  /** Rejects if it could not be checked. Throws when it is full. */
  check(password: Buffer, hash: string): Promise<boolean> {
    if (this.isFull) throw new Error('too many passwords wait')
    if (this.#idle !== null) clearTimeout(this.#idle)
    this.#idle = null
    const thread = this.#started()
    // While somebody waits the process may not end.
    thread.ref()
    const question: HashQuestion = { id: this.#nextId++, password, hash }
    const { promise, resolve, reject } = Promise.withResolvers<boolean>()
    this.#waiting.set(question.id, { resolve, reject })
    thread.postMessage(question)
    return promise
  }

  /** Ends the thread. Who waits is told. */
  close(): void {
    if (this.#idle !== null) clearTimeout(this.#idle)
    this.#idle = null
    const thread = this.#thread
    this.#thread = null
    void thread?.terminate()
    this.#failAll(new Error('the thread that checks passwords was ended'))
  }

  #started(): Worker {
    if (this.#thread !== null) return this.#thread
    const thread = new Worker(SCRIPT, { name: 'passwords', resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB } })
    this.#thread = thread
    thread.on('message', ({ id, isRight, problem }: HashAnswer) => {
      const waiting = this.#waiting.get(id)
      if (problem === null) waiting?.resolve(isRight)
      else waiting?.reject(new Error(`a password could not be checked: ${problem}`))
      this.#waiting.delete(id)
      if (this.#waiting.size === 0) this.#rest(thread)
    })
    const gone = (error: Error) => {
      if (this.#thread !== thread) return
      this.#thread = null
      this.#failAll(error)
    }
    thread.on('error', gone)
    thread.on('exit', () => gone(new Error('the thread that checks passwords has ended')))
    return thread
  }

  #rest(thread: Worker): void {
    thread.unref()
    this.#idle = setTimeout(() => this.close(), IDLE_MS)
    this.#idle.unref()
  }

  #failAll(error: Error): void {
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const { reject } of waiting) reject(error)
  }
}
