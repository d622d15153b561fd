/**
 * The secrets of session tickets: kept in memory only. Runs in the master.
 *
 * Whoever has a secret can read what was recorded of the connections that its tickets resumed (TLS 1.2). So a new one is made each hour, and
 * the one before stays valid for one more: clients notice nothing.
 */
import { randomBytes } from 'node:crypto'

const ROTATION_MS = 3600_000
const SECRET_BYTES = 64
/** The newest, and the one before. */
const MOST = 2

export class TicketSecrets {
  /** Hexadecimal, newest first. */
  #secrets: readonly string[] = [makeSecret()]

  get all(): readonly string[] {
    return this.#secrets
  }

  /** Those of the master that this one replaces. */
  inherit(secrets: readonly string[]): void {
    this.#secrets = [...new Set([...secrets, ...this.#secrets])].slice(0, MOST)
  }

  /** Calls `onRotated` after each rotation. Does not keep the process alive. */
  start(onRotated: () => void): void {
    setInterval(() => {
      this.#secrets = [makeSecret(), ...this.#secrets].slice(0, MOST)
      onRotated()
    }, ROTATION_MS).unref()
  }
}

function makeSecret(): string {
  return randomBytes(SECRET_BYTES).toString('hex')
}
