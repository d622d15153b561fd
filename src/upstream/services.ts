/**
 * The servers of a service, as SRV records say (RFC2782): port, weight, and by priority who is asked first. Runs in the gateway, in each of its
 * threads; loaded with `names.ts`.
 *
 * - The lowest priority is for servers that are asked; all others are backup, as in nginx.
 * - A target is resolved as any name. One that DNS does not know is left out, and one whose answer fails makes the whole answer fail: half of it
 *   would take the other servers out.
 * Bound: MAX_TARGETS of a service; each is a question of its own.
 */
import { lookup, type Resolver } from 'node:dns/promises'
import { isIP } from 'node:net'

/** Each of them may have several addresses. */
const MAX_TARGETS = 32
/** Node does not tell the TTL of SRV records; it is that of the targets, and this at most. Consul and Kubernetes say less. */
const MOST_TTL_MS = 30_000

export interface ServiceAnswer {
  /** Not empty. */
  readonly found: readonly {
    readonly address: string
    readonly port: number
    readonly weight: number
    readonly isBackup: boolean
  }[]
  readonly ttlMs: number
}

/** `name`: `_http._tcp.api.internal`. Rejects if there is no server. */
export type ResolveService = (name: string) => Promise<ServiceAnswer>

/** As `ResolveName` of `names.ts`. */
type ResolveTarget = (host: string) => Promise<{ readonly addresses: readonly string[]; readonly ttlMs: number } | null>

export function serviceResolver(resolver: Pick<Resolver, 'resolveSrv'>, resolve: ResolveTarget): ResolveService {
  return async name => {
    const records = (await resolver.resolveSrv(name))
      // A target of `.`: there is no such service here.
      .filter(one => one.name !== '' && one.name !== '.' && one.port > 0)
      .sort((a, b) => a.priority - b.priority || (a.name < b.name ? -1 : 1))
      .slice(0, MAX_TARGETS)
    const targets = await Promise.all(records.map(one => addressesOf(one, resolve)))
    let ttlMs = MOST_TTL_MS
    let first: number | null = null
    const found = records.flatMap(({ priority, port, weight }, i) => {
      const answer = targets[i]!
      if (answer === null) return []
      ttlMs = Math.min(ttlMs, answer.ttlMs)
      first ??= priority
      const isBackup = priority !== first
      return answer.addresses.map(address => ({ address, port, weight: Math.max(1, weight), isBackup }))
    })
    if (found.length === 0) throw Object.assign(new Error('it has no server'), { code: 'ENODATA' })
    return { found, ttlMs }
  }
}

/** Null: nobody knows it. */
async function addressesOf({ name }: { readonly name: string }, resolve: ResolveTarget): ReturnType<ResolveTarget> {
  if (isIP(name) !== 0) return { addresses: [name], ttlMs: MOST_TTL_MS }
  try {
    const answer = await resolve(name)
    if (answer !== null) return answer
    // It stands in /etc/hosts.
    const all = await lookup(name, { all: true })
    return { addresses: all.map(({ address }) => address), ttlMs: MOST_TTL_MS }
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    if (code === 'ENODATA' || code === 'ENOTFOUND') return null
    throw error
  }
}
