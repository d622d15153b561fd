/**
 * Names of servers, resolved again by their TTL: each address is a member of the group, as in nginx. Loaded only where a server has a name. Runs
 * in the gateway, in each of its threads. DNS is asked without Node's thread pool.
 *
 * - A DNS that fails, or knows nothing any more, changes nothing: the last addresses stay.
 * - A name that DNS has never known is left to the system, which resolves it for each connection: so is what stands in /etc/hosts, which may
 *   change, and wins over DNS.
 * Bounds: MAX_ADDRESSES of a name; a name is asked for every LEAST_MS to MOST_MS, a little earlier at random, so that threads and
 * programs do not ask at the same moment; after a failure later each time.
 */
import { Resolver } from 'node:dns/promises'
import { readFile } from 'node:fs/promises'
import { networkInterfaces } from 'node:os'
import type { UpstreamServer } from '../sites/upstream-model.ts'
import { isNamed } from './connection.ts'
import type { UpstreamGroup } from './group.ts'
import { type ResolveService, serviceResolver } from './services.ts'

/** A name with TTL 0 would be asked for without end, and one of a day never changes when a server moves. */
export const [LEAST_MS, MOST_MS] = [5000, 300_000]
/** Part of the time by which a look is earlier, at most. */
const JITTER = 0.1
/** Each choice of a server looks at all of them. */
export const MAX_ADDRESSES = 64

export interface NameAnswer {
  /** Not empty. */
  readonly addresses: readonly string[]
  /** For which it holds. */
  readonly ttlMs: number
}

/** Null: the system knows it, and resolves it for each connection. Rejects if there is no answer. */
export type ResolveName = (host: string) => Promise<NameAnswer | null>

/** What a name, or a service (`services.ts`), has come to. */
export interface FoundName {
  readonly address: string
  /** Undefined: that of the server. */
  readonly port?: number
  readonly weight?: number
  readonly isBackup?: boolean
}

interface Watched {
  timer: NodeJS.Timeout | null
  failures: number
  /** Empty: the system resolves it; a service has no servers yet. */
  found: readonly FoundName[]
}

/** Of services, by name: another configuration has them from its first request on. The system knows none of them. */
const lastServices = new Map<string, readonly FoundName[]>()
/** As many servers as a group may have; the one that was found first goes. */
const MAX_SERVICES = 256

export class NameWatch {
  readonly #groups: readonly UpstreamGroup[]
  readonly #resolve: ResolveName
  readonly #resolveService: ResolveService
  readonly #log: (level: 'info' | 'warn', message: string) => void
  /** By the host of a server, or the label of a service. */
  readonly #watched = new Map<string, Watched>()
  #isClosed = false

  constructor(
    groups: readonly UpstreamGroup[],
    log: (level: 'info' | 'warn', message: string) => void,
    resolve?: ResolveName,
    resolveService?: ResolveService,
  ) {
    const resolver = new Resolver({ timeout: 2000, tries: 2 })
    this.#groups = groups
    this.#log = log
    this.#resolve = resolve ?? resolverOf(resolver)
    this.#resolveService = resolveService ?? serviceResolver(resolver, this.#resolve)
  }

  /** Servers have come or gone: their names are asked for from now on, or not any more. */
  look(): void {
    const wanted = this.#hosts()
    for (const [host, { timer }] of this.#watched)
      if (!wanted.has(host)) {
        if (timer !== null) clearTimeout(timer)
        this.#watched.delete(host)
      }
    for (const host of wanted) {
      const known = this.#watched.get(host)
      if (known === undefined) void this.#ask(host)
      else if (known.found.length > 0) this.#tell(host, known.found)
    }
  }

  close(): void {
    this.#isClosed = true
    for (const { timer } of this.#watched.values()) if (timer !== null) clearTimeout(timer)
  }

  #hosts(): Set<string> {
    const hosts = new Set<string>()
    for (const group of this.#groups)
      for (const { address } of group.servers) if (isNamed(address)) hosts.add(keyOf(address))
    return hosts
  }

  async #ask(host: string): Promise<void> {
    let watched = this.#watched.get(host)
    if (watched === undefined) {
      watched = { timer: null, failures: 0, found: lastServices.get(host) ?? [] }
      this.#watched.set(host, watched)
      if (watched.found.length > 0) this.#tell(host, watched.found)
    }
    watched.timer = null
    const answer = await this.#look(host).catch((error: NodeJS.ErrnoException) => error)
    if (this.#isClosed || this.#watched.get(host) !== watched) return
    if (answer instanceof Error) this.#failed(host, watched, answer)
    else if (answer !== null) this.#came(host, watched, answer.found)
    const ttl = answer instanceof Error ? LEAST_MS * 2 ** Math.min(watched.failures, 6) : (answer?.ttlMs ?? 0)
    const wait = Math.min(Math.max(ttl, LEAST_MS), MOST_MS) * (1 - JITTER * Math.random())
    watched.timer = setTimeout(() => void this.#ask(host), wait).unref()
  }

  /** Null: the system resolves it. */
  async #look(host: string): Promise<{ readonly found: readonly FoundName[]; readonly ttlMs: number } | null> {
    if (host.startsWith(SERVICE)) return this.#resolveService(host.slice(SERVICE.length))
    const answer = await this.#resolve(host)
    return answer === null ? null : { found: answer.addresses.map(address => ({ address })), ttlMs: answer.ttlMs }
  }

  #failed(host: string, watched: Watched, { code, message }: NodeJS.ErrnoException): void {
    watched.failures++
    if (watched.failures > 1) return
    if (watched.found.length > 0)
      this.#log('warn', `the name ${host} does not resolve now (${code ?? message}): its last addresses stay`)
    // Of other names each connection says it.
    else if (host.startsWith(SERVICE))
      this.#log('warn', `the service ${host.slice(SERVICE.length)} has no servers now (${code ?? message})`)
  }

  #came(host: string, watched: Watched, all: readonly FoundName[]): void {
    if (watched.failures > 0 && watched.found.length > 0) this.#log('info', `the name ${host} resolves again`)
    watched.failures = 0
    // DNS shuffles them. The servers that come first are not cut off.
    const sorted = [...new Map(all.map(one => [textOf(one), one]))].sort(
      ([a, one], [b, other]) => Number(one.isBackup ?? false) - Number(other.isBackup ?? false) || (a < b ? -1 : 1),
    )
    const found = sorted.slice(0, MAX_ADDRESSES).map(([, one]) => one)
    const text = found.map(textOf).join(', ')
    if (text === watched.found.map(textOf).join(', ')) return
    if (watched.found.length > 0) this.#log('info', `the name ${host} has other addresses: ${text}`)
    watched.found = found
    if (host.startsWith(SERVICE)) {
      lastServices.delete(host)
      lastServices.set(host, found)
      if (lastServices.size > MAX_SERVICES) lastServices.delete(lastServices.keys().next().value!)
    }
    this.#tell(host, found)
  }

  #tell(host: string, all: readonly FoundName[]): void {
    for (const group of this.#groups)
      for (const server of group.servers) {
        const { address: named, isBackup } = server
        if (!isNamed(named) || keyOf(named) !== host) continue
        const usual = named.kind === 'tcp' ? named.port : 0
        group.setAddresses(
          server,
          all.map(one => ({
            address: { kind: 'tcp', host: one.address, port: one.port ?? usual },
            ...(one.weight !== undefined && { weight: one.weight }),
            isBackup: isBackup || (one.isBackup ?? false),
          })),
        )
      }
  }
}

const SERVICE = 'srv:'

function keyOf(address: Extract<UpstreamServer['address'], { kind: 'tcp' | 'srv' }>): string {
  return address.kind === 'tcp' ? address.host : `${SERVICE}${address.name}`
}

/** `10.0.0.1`, `10.0.0.1:8000 weight=3 backup` */
function textOf({ address, port, weight, isBackup }: FoundName): string {
  if (port === undefined) return address
  const where = `${address.includes(':') ? `[${address}]` : address}:${port}`
  return `${where}${weight === undefined || weight === 1 ? '' : ` weight=${weight}`}${isBackup ? ' backup' : ''}`
}

/** Errors that are an answer: there is no such record. */
const NOTHING = new Set(['ENODATA', 'ENOTFOUND'])

export function resolverOf(resolver: Resolver, hostsFile = '/etc/hosts'): ResolveName {
  return async host => {
    if (await isIn(hostsFile, host)) return null
    const asked = await Promise.allSettled([
      resolver.resolve4(host, { ttl: true }),
      hasIPv6() ? resolver.resolve6(host, { ttl: true }) : [],
    ])
    const failed = asked.flatMap(one => (one.status === 'rejected' ? [one.reason as NodeJS.ErrnoException] : []))
    // Half an answer would take the other half of the servers out.
    const real = failed.find(({ code = '' }) => !NOTHING.has(code))
    if (real !== undefined) throw real
    const records = asked.flatMap(one => (one.status === 'fulfilled' ? one.value : []))
    if (records.length === 0) throw failed[0] ?? new Error('no address')
    return {
      addresses: records.map(({ address }) => address),
      ttlMs: Math.min(...records.map(({ ttl }) => ttl)) * 1000,
    }
  }
}

/** As `getaddrinfo` does: a machine without such an address reaches no server by one. */
function hasIPv6(): boolean {
  return Object.values(networkInterfaces()).some(all =>
    all?.some(({ family, internal, address }) => family === 'IPv6' && !internal && !address.startsWith('fe80:')),
  )
}

async function isIn(hostsFile: string, host: string): Promise<boolean> {
  const text = await readFile(hostsFile, 'latin1').catch(() => '')
  const wanted = host.toLowerCase()
  return text
    .split('\n')
    .some(line => line.split('#')[0]!.toLowerCase().split(/\s+/).filter(Boolean).slice(1).includes(wanted))
}
