/**
 * The names and addresses that the local authority of `--tls self-signed` may speak for, and those of them that a certificate gets.
 *
 * Invariant: the authority is for this machine and for private networks, never for a name or an address of the public internet. Its own
 * certificate says so (name constraints), and so a stolen key deceives nobody about a bank. What is outside is left out of certificates,
 * because clients would refuse the whole certificate.
 */
import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net'
import { hostname, networkInterfaces } from 'node:os'
import type { BindAddress } from '../../config/types.ts'

/**
 * Each with all names below it. RFC 6761 gives `localhost` to the machine itself and `test` to tests, RFC 8375 `home.arpa` to homes, RFC 6762
 * `local` to the network at hand. Not `internal`, where companies have services of their own, and not the bare name of the machine: it
 * would stand for all names below it, and `dev` is a domain.
 */
export const LOCAL_DOMAINS: readonly string[] = ['localhost', 'local', 'test', 'home.arpa']

/** Network and bits: loopback, private addresses (RFC 1918, RFC 4193), and those that carriers and overlay networks share (RFC 6598). */
export const LOCAL_NETWORKS: readonly (readonly [address: string, bits: number])[] = [
  ['127.0.0.0', 8],
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['100.64.0.0', 10],
  ['::1', 128],
  ['fc00::', 7],
]

/** OpenSSL, browsers and Python do not believe `*.localhost`, Go does: names below it must be there one by one. */
const ALWAYS: readonly string[] = ['localhost', '*.localhost', '127.0.0.1', '::1']

/** A machine with containers has many addresses. More names make each full handshake longer: this is about 5 KB. */
const MAX_NAMES = 200

const local = new BlockList()
for (const [address, bits] of LOCAL_NETWORKS) local.addSubnet(address, bits, isIPv4(address) ? 'ipv4' : 'ipv6')

/** What the certificate is asked to be for. */
export interface WantedNames {
  readonly bind: readonly BindAddress[]
  /** Of applications: `shop.test`, `*.shop.test`. */
  readonly hosts: readonly string[]
}

/** What this machine is called at this moment. */
export interface Machine {
  readonly hostName: string
  readonly addresses: readonly string[]
}

export interface LocalNames {
  /** Lower case, each once; addresses without brackets. */
  readonly names: readonly string[]
  /** Asked for by the user, or an IPv4 address of this machine that is bound, and not for a local authority. */
  readonly leftOut: readonly string[]
}

export function thisMachine(): Machine {
  const addresses = Object.values(networkInterfaces()).flatMap(list => (list ?? []).map(({ address }) => address))
  return { hostName: hostname(), addresses }
}

/** The same names in the same order as long as nothing changes. */
export function localNames({ bind, hosts }: WantedNames, machine: Machine): LocalNames {
  const bound = bind.flatMap(address => (address.kind === 'tcp' ? [address.host] : []))
  const isOnAll4 = bound.some(host => host === '0.0.0.0' || host === '::')
  // What an inherited socket is bound to is not known here.
  const isOnAll = bound.includes('::') || bind.some(({ kind }) => kind === 'fd')
  const asked = [...bound.filter(host => host !== '0.0.0.0' && host !== '::'), ...hosts].map(canonical)
  const own = isOnAll || isOnAll4 ? namesOf(machine, isOnAll) : []
  // Most machines have names and IPv6 addresses that nobody uses for this. A public IPv4 address is no accident.
  const leftOut = [...asked, ...own.filter(isIPv4)].filter(name => !isLocal(name))
  const names = [...ALWAYS, ...asked.filter(isLocal), ...own.filter(isLocal)]
  return { names: [...new Set(names)].slice(0, MAX_NAMES), leftOut: [...new Set(leftOut)] }
}

/** Sorted: the system's order may change. */
function namesOf({ hostName, addresses }: Machine, withIPv6: boolean): string[] {
  const name = canonical(hostName)
  const [label = ''] = name.split('.')
  return [name, `${label}.local`, ...addresses.filter(address => withIPv6 || isIPv4(address)).sort()]
}

/** An address that an IPv6 socket shows as `::ffff:192.168.0.7` is that IPv4 address. */
function canonical(name: string): string {
  const lower = name.toLowerCase().replace(/\.$/, '')
  const mapped = lower.startsWith('::ffff:') ? lower.slice('::ffff:'.length) : lower
  return isIPv4(mapped) ? mapped : lower
}

function isLocal(name: string): boolean {
  if (isIP(name)) return local.check(name, isIPv4(name) ? 'ipv4' : 'ipv6')
  const labels = (name.startsWith('*.') ? name.slice(2) : name).split('.')
  if (!labels.every(label => /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(label))) return false
  return LOCAL_DOMAINS.some(domain => name === domain || name.endsWith(`.${domain}`))
}

/** 4 or 16 bytes; null: it is a name. */
export function addressBytes(text: string): Buffer | null {
  if (isIPv4(text)) return Buffer.from(text.split('.').map(Number))
  if (!isIPv6(text)) return null
  // The URL parser writes the last 32 bits in hexadecimal digits, too.
  const [before = '', after] = new URL(`http://[${text}]`).hostname.slice(1, -1).split('::')
  const [head, tail] = [before, after ?? ''].map(part => (part === '' ? [] : part.split(':'))) as [string[], string[]]
  const groups = [...head, ...Array<string>(8 - head.length - tail.length).fill('0'), ...tail]
  return Buffer.from(groups.map(group => group.padStart(4, '0')).join(''), 'hex')
}
