/**
 * The secrets of session tickets: kept in memory only. Runs in the master.
 *
 * Whoever has a secret can read what was recorded of the connections that its tickets resumed (TLS 1.2). So a new one is made each hour, and
 * the one before stays valid for one more: clients notice nothing. An upgrade does not begin the hour anew: with one upgrade every half hour
 * a secret would live for ever.
 */
import { randomBytes } from 'node:crypto'

const ROTATION_MS = 3600_000
const SECRET_BYTES = 64
/** The newest, and the one before. */
const MOST = 2

/** What a master hands to the one that replaces it. */
export interface InheritedSecrets {
  /** Newest first; at least one. */
  readonly secrets: readonly string[]
  /** Milliseconds since the newest one was made. */
  readonly age: number
}

export class TicketSecrets {
  /** Hexadecimal, newest first. */
  #secrets: readonly string[] = [makeSecret()]
  /** In milliseconds of performance.now. */
  #madeAt = performance.now()
  #onRotated: (() => void) | null = null
  #timer: NodeJS.Timeout | undefined

  get all(): readonly string[] {
    return this.#secrets
  }

  get inheritance(): InheritedSecrets {
    return { secrets: this.#secrets, age: Math.max(0, Math.round(performance.now() - this.#madeAt)) }
  }

  /** Those of the master that this one replaces. */
  inherit({ secrets, age }: InheritedSecrets): void {
    this.#secrets = [...new Set([...secrets, ...this.#secrets])].slice(0, MOST)
    this.#madeAt = performance.now() - age
    if (this.#onRotated !== null) this.#schedule(age)
  }

  /** Calls `onRotated` after each rotation. Does not keep the process alive. */
  start(onRotated: () => void): void {
    this.#onRotated = onRotated
    this.#schedule(performance.now() - this.#madeAt)
  }

  /** `age`: of the newest secret. */
  #schedule(age: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#rotate(), Math.max(0, ROTATION_MS - age)).unref()
  }

  #rotate(): void {
    this.#secrets = [makeSecret(), ...this.#secrets].slice(0, MOST)
    this.#madeAt = performance.now()
    this.#schedule(0)
    this.#onRotated?.()
  }
}

function makeSecret(): string {
  return randomBytes(SECRET_BYTES).toString('hex')
}
