/**
 * Asks the servers of a group whether they are well (`health-check`). Loaded only where a group says so. Runs in the gateway, in the first of its
 * threads: what it finds out is in the words that all threads have (`balance/member-state.ts`).
 *
 * Invariants: no server is asked a second time before it has answered, or its time is over. Each answer is of a connection of its own, so a
 * server that accepts nobody is found out. Only a change has a line in the log.
 * Bounds: a connection for each server at most, beside those that `room.ts` counts; MAX_BODY of its content.
 * Not here: what a good answer is (`health-answer.ts`).
 */
import type { HealthCheck } from '../sites/upstream-model.ts'
import type { Member } from './balance/member.ts'
import { hostOf, OWN_SHORTAGE, type SocketMaker, UpstreamConnection } from './connection.ts'
import type { Peer, UpstreamGroup } from './group.ts'
import { HealthAnswer } from './health-answer.ts'

/** Share of the interval by which the time of a round differs, so that several gateways do not ask at once. */
const JITTER = 0.1

/** What was seen of a server. */
interface Seen {
  /** Answers in a row that say the other of what is thought of it. */
  against: number
  isAsked: boolean
}

type Log = (level: 'info' | 'warn', message: string) => void

export class HealthWatch {
  readonly #group: UpstreamGroup
  readonly #check: HealthCheck
  readonly #log: Log
  readonly #seen = new WeakMap<Member, Seen>()
  readonly #sockets: SocketMaker
  /** End the questions that wait for an answer. */
  readonly #waiting = new Set<() => void>()
  #timer: NodeJS.Timeout | null = null

  /** Begins at once. */
  constructor(group: UpstreamGroup, check: HealthCheck, log: Log, sockets: SocketMaker) {
    this.#group = group
    this.#sockets = sockets
    this.#check = check
    this.#log = log
    this.#round()
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    for (const stop of this.#waiting) stop()
  }

  #round(): void {
    for (const peer of this.#group.peers) if (!peer.server.isDown) void this.#look(peer)
    const wait = this.#check.interval * (1 + JITTER * (2 * Math.random() - 1))
    this.#timer = setTimeout(() => this.#round(), wait).unref()
  }

  async #look(peer: Peer): Promise<void> {
    const { member } = peer
    const seen = this.#seen.get(member) ?? { against: 0, isAsked: false }
    this.#seen.set(member, seen)
    if (seen.isAsked) return
    seen.isAsked = true
    const wrong = await this.#ask(peer)
    seen.isAsked = false
    // A check of another configuration has the word now, or nobody knows.
    if (this.#timer === null || wrong === undefined) return
    const isWell = wrong === null
    if (isWell === !member.isUnhealthy) {
      seen.against = 0
      return
    }
    const needed = isWell ? this.#check.passes : this.#check.fails
    if (++seen.against < needed) return
    seen.against = 0
    member.setHealthy(isWell, performance.now())
    const what = `upstream ${this.#group.upstream.name}: ${member.name}`
    if (isWell) this.#log('info', `${what} is well again`)
    else this.#log('warn', `${what} gets no requests: GET ${this.#check.path} ${wrong}`)
  }

  /** Null: a good answer. Undefined: it could not be asked. Else what was wrong. */
  #ask({ server, address }: Peer): Promise<string | null | undefined> {
    const { path, timeout } = this.#check
    const answer = new HealthAnswer(this.#check)
    const host = hostOf(server)
    const { promise, resolve } = Promise.withResolvers<string | null | undefined>()
    const nothing = () => {}
    const connection = new UpstreamConnection({ address, host }, this.#sockets, this.#group.dialect, {
      freed: nothing,
      gone: nothing,
      closed: nothing,
    })
    const stop = () => over(undefined)
    this.#waiting.add(stop)
    const timer = setTimeout(() => over(`had no answer in ${timeout} ms`), timeout)
    timer.unref()
    const over = (wrong: string | null | undefined) => {
      clearTimeout(timer)
      this.#waiting.delete(stop)
      connection.destroy()
      resolve(wrong)
    }
    const answered = (wrong: string | null | undefined) => {
      if (wrong !== undefined) over(wrong)
    }
    connection.begin(
      {
        onConnected: () => {
          const headers = [
            'Host',
            server.address.kind === 'tcp' ? server.label : host,
            'User-Agent',
            'Jumak-Health-Check',
          ]
          connection.write(
            this.#group.dialect.head({ method: 'GET', target: path, headers, contentLength: 0, webSocketKey: null }),
          )
          connection.sent()
        },
        onHead: head => answered(answer.head(head)),
        onClosed: reason => over(OWN_SHORTAGE.has(reason) ? undefined : `failed: ${reason}`),
        onInterim: nothing,
        onBody: chunk => answered(answer.body(chunk)),
        onEnd: () => over(answer.end()),
        onSwitch: () => over('was answered with 101'),
        onTunnel: nothing,
        onTunnelEnd: nothing,
        onNote: nothing,
        onRefused: nothing,
        onDrain: nothing,
      },
      { isHead: false, maySwitch: false },
    )
    return promise
  }
}
