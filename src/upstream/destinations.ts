/**
 * Servers that requests have chosen (`proxy-allow-hosts`), for one location with such a `proxy`: a group for each, made when it is asked for first.
 * Loaded only where a location has one. Runs in the gateway, in each of its threads.
 *
 * Invariant: a connection goes to an address that was looked at, never to a name: between a look and a connection the name could lead
 * elsewhere (DNS rebinding).
 * Bounds: MAX_GROUPS servers, of which the one that was asked for longest ago goes: its idle connections close, its requests go on.
 * MAX_QUESTIONS names are resolved at once; those that nobody knows are not kept, so they push nothing out.
 * Not here: which servers are allowed (`routing/sites/destination.ts`).
 */
import { lookup, Resolver } from 'node:dns/promises'
import { singleServer } from '../sites/single-server.ts'
import type { Destination, ServerAddress, Upstream } from '../sites/upstream-model.ts'
import { GroupState, makeGroupMemory } from './balance/member-state.ts'
import { UpstreamGroup } from './group.ts'
import { LEAST_MS, MAX_ADDRESSES, MOST_MS, type NameAnswer, type ResolveName, resolverOf } from './names.ts'
import type { ConnectionRoom } from './room.ts'

/** As many servers as an [[upstream]] may have. A client that names others all the time makes connections anew, no more. */
const MAX_GROUPS = 256
/** Each is a request to DNS that may take seconds. A client may ask for names that do not exist, and each is another one. */
const MAX_QUESTIONS = 256

/** Why there is no group. `isRefused`: its addresses are not allowed; else it could not be resolved. */
export interface NoServer {
  readonly isRefused: boolean
  /** For the log. */
  readonly reason: string
}

type Done = (found: UpstreamGroup | NoServer) => void

interface Known {
  readonly group: UpstreamGroup
  /** Of `performance.now()`: after it the name is resolved again. */
  expires: number
}

export class Destinations {
  readonly #model: Upstream
  readonly #room: ConnectionRoom
  readonly #isAllowed: (address: string, port: number) => boolean
  readonly #resolve: ResolveName
  /** By label; the one that was asked for last is last. */
  readonly #known = new Map<string, Known>()
  /** Requests that wait for an answer of DNS. As many as there may be requests. */
  readonly #waiting = new Map<string, Done[]>()
  #isClosed = false

  /** `model`: the upstream that stands for all of them. `isAllowed`: for what a name resolves to. */
  constructor(
    model: Upstream,
    room: ConnectionRoom,
    isAllowed: (address: string, port: number) => boolean,
    resolve: ResolveName = resolverOf(new Resolver({ timeout: 2000, tries: 2 })),
  ) {
    this.#model = model
    this.#room = room
    this.#isAllowed = isAllowed
    this.#resolve = resolve
  }

  get size(): number {
    return this.#known.size
  }

  /** Calls `done` once: at once for what is known, else after DNS has answered. */
  find(destination: Destination, done: Done): void {
    const { label, host, port } = destination
    const known = this.#known.get(label)
    if (known !== undefined) {
      this.#known.delete(label)
      this.#known.set(label, known)
      if (known.expires > performance.now()) {
        done(known.group)
        return
      }
    }
    if (destination.isAddress) {
      done(this.#keep(destination, [host], Number.POSITIVE_INFINITY))
      return
    }
    const waiting = this.#waiting.get(label)
    if (waiting !== undefined) {
      waiting.push(done)
      return
    }
    if (this.#waiting.size >= MAX_QUESTIONS) {
      // As when DNS fails: the last addresses stay.
      const reason = `${host} is not resolved: ${MAX_QUESTIONS} names are being resolved already`
      done(known?.group ?? { isRefused: false, reason })
      return
    }
    this.#waiting.set(label, [done])
    void this.#ask(destination)
      .then(
        ({ addresses, ttlMs }): UpstreamGroup | NoServer => {
          const allowed = addresses.filter(one => this.#isAllowed(one, port))
          if (allowed.length === 0) {
            this.#forget(label)
            return {
              isRefused: true,
              reason: `${host} resolves to ${addresses.join(', ')}, which proxy-allow-hosts must name with port ${port}`,
            }
          }
          return this.#keep(destination, allowed, Math.min(Math.max(ttlMs, LEAST_MS), MOST_MS))
        },
        ({ code, message }: NodeJS.ErrnoException): UpstreamGroup | NoServer => {
          // As with servers of the configuration: the last addresses stay.
          const last = this.#known.get(label)
          if (last === undefined)
            return { isRefused: false, reason: `the name ${host} does not resolve (${code ?? message})` }
          last.expires = performance.now() + LEAST_MS
          return last.group
        },
      )
      .then(found => {
        const all = this.#waiting.get(label)!
        this.#waiting.delete(label)
        for (const one of all) one(found)
      })
  }

  /** Another configuration is in force. Requests that run go on. */
  close(): void {
    this.#isClosed = true
    for (const { group } of this.#known.values()) group.close()
    this.#known.clear()
  }

  async #ask({ host, isNamed }: Destination): Promise<NameAnswer> {
    let answer: NameAnswer | null
    try {
      answer = await this.#resolve(host)
    } catch (error) {
      // Short names of a cluster are known to the system only. Those that clients make up do not get a thread of Node's pool.
      if (!isNamed) throw error
      answer = null
    }
    if (answer !== null) return answer
    const all = await lookup(host, { all: true })
    return { addresses: all.map(({ address }) => address), ttlMs: LEAST_MS }
  }

  #keep(destination: Destination, addresses: readonly string[], ttlMs: number): UpstreamGroup {
    const { label, host, port } = destination
    const expires = performance.now() + ttlMs
    const known = this.#known.get(label)
    const group = known?.group ?? this.#make(label, { kind: 'tcp', host, port })
    const all = [...new Set(addresses)].sort().slice(0, MAX_ADDRESSES)
    group.setAddresses(
      group.servers[0]!,
      all.map(one => ({ address: { kind: 'tcp', host: one, port } })),
    )
    if (known !== undefined) known.expires = expires
    // Nobody would close it.
    else if (this.#isClosed) group.close()
    else {
      this.#known.set(label, { group, expires })
      if (this.#known.size > MAX_GROUPS) this.#forget(this.#known.keys().next().value!)
    }
    return group
  }

  #make(label: string, address: ServerAddress): UpstreamGroup {
    const model = { ...this.#model, name: label, servers: [singleServer(label, address)] }
    // What one thread knows of it is enough: it comes and goes.
    const state = new GroupState(makeGroupMemory(1, MAX_ADDRESSES, false), 1, 0)
    return new UpstreamGroup(model, state, {
      room: this.#room,
      sticky: null,
      queue: null,
      ejection: null,
      warn: () => {},
    })
  }

  #forget(label: string): void {
    this.#known.get(label)?.group.close()
    this.#known.delete(label)
  }
}
