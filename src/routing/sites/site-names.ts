/**
 * Which site a request is for: by its listener, then by its host. Of the names the exact one wins, then the longest `*.x`, then the longest
 * `x.*`, then regular expressions in their order, then the default site of the listener (nginx's rule). Runs in the gateway for each request
 * of a site; pure.
 */
import type { LocalEnd } from '../../http/exchange.ts'
import type { SiteName } from '../../sites/model.ts'
import { hostOf, suffixesOf } from '../hosts.ts'
import type { Captures, CompiledSite } from './site-request.ts'

/** A site with its names, compiled. */
export interface NamedSite {
  readonly site: CompiledSite
  readonly names: readonly SiteName[]
  readonly isDefault: boolean
  /** `address:port`, `*:port`, a path; empty: every listener. */
  readonly listen: readonly string[]
  /** Those of `names` that are regular expressions, in their order. */
  readonly patterns: readonly HostPattern[]
}

export interface HostPattern {
  /** As it is written. */
  readonly source: string
  readonly exec: (host: string) => Captures | null
  /** Where named groups go: their number, the index of their variable. */
  readonly named: readonly { readonly group: number; readonly index: number }[]
}

export interface FoundSite {
  readonly site: CompiledSite
  /** Of the name, if it is a regular expression. */
  readonly captures: Captures | null
  readonly named: HostPattern['named']
  readonly how: 'exact' | 'suffix' | 'prefix' | 'regex' | 'default'
  /** Which of its names that is, as one writes it; empty: none. */
  readonly name: string
}

export type FindSite = (local: LocalEnd, authority: string) => FoundSite

/** At least one site. */
export function compileSiteNames(sites: readonly NamedSite[]): FindSite {
  const listeners = new Map<string, readonly NamedSite[]>()
  for (const address of new Set(sites.flatMap(({ listen }) => listen)))
    listeners.set(
      address,
      sites.filter(({ listen }) => listen.length === 0 || listen.includes(address)),
    )
  const everywhere = sites.filter(({ listen }) => listen.length === 0)
  const ofRest = compileNames(everywhere.length === 0 ? sites : everywhere)
  if (listeners.size === 0) return (_local, authority) => ofRest(authority)
  const compiled = new Map([...listeners].map(([address, own]) => [address, compileNames(own)]))
  return (local, authority) => {
    const { address, port } = local
    const find =
      port === 0
        ? compiled.get(address)
        : (compiled.get(`${address.includes(':') ? `[${address}]` : address}:${port}`) ?? compiled.get(`*:${port}`))
    return (find ?? ofRest)(authority)
  }
}

function compileNames(sites: readonly NamedSite[]): (authority: string) => FoundSite {
  const exact = new Map<string, FoundSite>()
  const suffixes = new Map<string, FoundSite>()
  const prefixes = new Map<string, FoundSite>()
  const patterns: { readonly site: CompiledSite; readonly pattern: HostPattern }[] = []
  for (const { site, names, patterns: own } of sites) {
    const found = (how: FoundSite['how'], name: string): FoundSite => ({ site, captures: null, named: [], how, name })
    for (const name of names) {
      if (name.kind === 'regex') continue
      const table = { exact, suffix: suffixes, prefix: prefixes }[name.kind]
      if (!table.has(name.name)) table.set(name.name, found(name.kind, writtenName(name)))
    }
    for (const pattern of own) patterns.push({ site, pattern })
  }
  const fallback = sites.find(({ isDefault }) => isDefault) ?? sites[0]!
  const standard: FoundSite = { site: fallback.site, captures: null, named: [], how: 'default', name: '' }
  const find = (authority: string): FoundSite => {
    const host = authority === '' ? '' : hostOf(authority)
    const same = exact.get(host)
    if (same !== undefined) return same
    if (suffixes.size > 0)
      for (const suffix of suffixesOf(host)) {
        const found = suffixes.get(`.${suffix}`)
        if (found !== undefined) return found
      }
    if (prefixes.size > 0)
      for (let dot = host.lastIndexOf('.'); dot > 0; dot = host.lastIndexOf('.', dot - 1)) {
        const found = prefixes.get(host.slice(0, dot + 1))
        if (found !== undefined) return found
      }
    for (const { site, pattern } of patterns) {
      const captures = pattern.exec(host)
      if (captures !== null) return { site, captures, named: pattern.named, how: 'regex', name: `~${pattern.source}` }
    }
    return standard
  }
  // Nearly all requests of a gateway name the same few hosts, and those of a connection the same one.
  let last = ''
  let lastFound: FoundSite | null = null
  return authority => {
    if (lastFound === null || last !== authority) {
      last = authority
      lastFound = find(authority)
    }
    return lastFound
  }
}

/** `*.example.kr`, `www.*`. */
function writtenName({ kind, name }: Exclude<SiteName, { readonly kind: 'regex' }>): string {
  if (kind === 'exact') return name
  return kind === 'suffix' ? `*${name}` : `${name}*`
}
