/**
 * Whether a request may be sent once more, and to which servers it was sent. The rules in one place: nothing may be done twice that a client has
 * asked for once. Runs in the gateway, one for each proxied request.
 */
import { isIdempotent } from '../apps/pool/dispatch-rules.ts'
import type { DeadlineList } from '../base/deadlines.ts'
import type { NextUpstream } from '../sites/upstream-model.ts'
import type { Member } from './balance/member.ts'
import type { UpstreamGroup } from './group.ts'
import type { OutgoingHead } from './request-head.ts'

/** What a location says; the same object for all of its requests. */
export interface CallRules {
  readonly connect: DeadlineList
  readonly send: DeadlineList
  readonly read: DeadlineList
  readonly nextUpstream: ReadonlySet<NextUpstream>
  /** What a slow client does not take is kept. */
  readonly buffers: boolean
  /** The server may say whether (X-Accel-Buffering). */
  readonly hearsBuffering: boolean
  /** 0: as many as the group has servers. */
  readonly tries: number
  /** Milliseconds; 0: any time. */
  readonly triesTimeout: number
}

export class Tries {
  readonly tried = new Set<Member>()
  /** A byte of the request may have reached the present server. */
  isSent = false
  /** Content was taken from the client: it is not there any more. */
  isBodyRead = false
  readonly #head: OutgoingHead
  readonly #group: UpstreamGroup
  readonly #rules: CallRules
  readonly #startedAt: number

  constructor(head: OutgoingHead, group: UpstreamGroup, rules: CallRules) {
    this.#head = head
    this.#group = group
    this.#rules = rules
    this.#startedAt = rules.triesTimeout > 0 ? performance.now() : 0
    group.retries.earn()
  }

  /** To the same server, on another connection. */
  get mayRepeat(): boolean {
    const { method, webSocketKey } = this.#head
    if (this.isBodyRead || webSocketKey !== null) return false
    return !this.isSent || isIdempotent(method) || this.#rules.nextUpstream.has('non-idempotent')
  }

  /** To another server, after this. True: one of the retries that the group may have is spent. */
  mayGoOn(after: NextUpstream): boolean {
    const { nextUpstream, tries, triesTimeout } = this.#rules
    if (!nextUpstream.has(after) || !this.mayRepeat) return false
    const { length } = this.#group.peers
    if (this.tried.size >= (tries === 0 ? length : Math.min(tries, length))) return false
    if (triesTimeout > 0 && performance.now() - this.#startedAt >= triesTimeout) return false
    return this.#group.retries.spend()
  }
}
