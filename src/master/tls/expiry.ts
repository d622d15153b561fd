/** Says 30, 7 and 1 days before a certificate ends that it will: once each. Runs in the master. */
import type { X509Certificate } from 'node:crypto'
import { dayOf, nameOf } from './certificate.ts'

const DAY_MS = 24 * 3600_000
const LOOK_MS = 3600_000
/** The last one is for a certificate that has expired. */
const DAYS = [30, 7, 1, 0]

export class ExpiryWarnings {
  readonly #warn: (message: string) => void
  /** By fingerprint: for how many days it was said. Those that are not in use any more are forgotten. */
  #said = new Map<string, number>()

  constructor(warn: (message: string) => void) {
    this.#warn = warn
  }

  /** Looks now and each hour. Does not keep the process alive. */
  start(leaves: () => readonly X509Certificate[]): void {
    this.look(leaves(), Date.now())
    setInterval(() => this.look(leaves(), Date.now()), LOOK_MS).unref()
  }

  look(leaves: readonly X509Certificate[], now: number): void {
    const said = new Map<string, number>()
    for (const leaf of leaves) {
      const { fingerprint256 } = leaf
      const end = Date.parse(leaf.validTo)
      const threshold = DAYS.findLast(days => end - now <= days * DAY_MS) ?? Number.POSITIVE_INFINITY
      const before = this.#said.get(fingerprint256) ?? Number.POSITIVE_INFINITY
      if (threshold < before) this.#warn(sentence(leaf, end, threshold))
      said.set(fingerprint256, Math.min(threshold, before))
    }
    this.#said = said
  }
}

function sentence(leaf: X509Certificate, end: number, days: number): string {
  const name = nameOf(leaf)
  if (days === 0) return `the certificate for ${name} has expired on ${dayOf(end)}: browsers refuse it`
  const left = days === 1 ? 'within a day' : `in less than ${days} days`
  return `the certificate for ${name} ends ${left}, on ${dayOf(end)}: renew it`
}
