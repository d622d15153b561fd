/** Whether the answer of a server to its health check is a good one: its status, a field, a text in its content. Pure. Runs in the gateway. */
import { fieldsWith } from '../http/headers.ts'
import type { HealthCheck } from '../sites/upstream-model.ts'
import type { UpstreamHead } from './response-head.ts'

/** Bytes of content that are looked at. A page that says how a server is has a few hundred. */
const MAX_BODY = 64 * 1024

/** Of each call: null: it is good; undefined: more of it must be seen; else what is wrong with it, a phrase after the request. */
export class HealthAnswer {
  readonly #check: HealthCheck
  /** Bytes as text of latin-1. */
  readonly #wanted: string | null
  #seen = ''

  constructor(check: HealthCheck) {
    this.#check = check
    this.#wanted = check.body === null ? null : Buffer.from(check.body).toString('latin1')
  }

  head({ status, headers }: UpstreamHead): string | null | undefined {
    const { leastStatus, mostStatus, header } = this.#check
    if (status < leastStatus || status > mostStatus) return `was answered with ${status}`
    if (header !== null) {
      const { name, value } = header
      const values = fieldsWith(headers, one => one.toLowerCase() === name).filter((_, i) => i % 2 === 1)
      if (values.length === 0) return `was answered without the field ${name}`
      if (value !== null && !values.includes(value)) return `was answered without ${name}: ${value}`
    }
    return this.#wanted === null ? null : undefined
  }

  /** `chunk`: used during the call only. */
  body(chunk: Buffer): string | null | undefined {
    const wanted = this.#wanted!
    const before = this.#seen.length
    this.#seen += chunk.toString('latin1', 0, MAX_BODY - before)
    if (this.#seen.includes(wanted, Math.max(0, before - wanted.length))) return null
    return this.#seen.length < MAX_BODY ? undefined : this.end()
  }

  /** Its content is over. */
  end(): string {
    return `was answered without the text '${this.#check.body}'`
  }
}
