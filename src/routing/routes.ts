/**
 * Which application a request is for: compiled once from the rules, when the configuration is loaded or changes. Runs in the gateway, for
 * each request while there is more than one application (or a path, or a host); pure. Pools for paths are chosen in the same way, from
 * rules without hosts.
 *
 * The rule, in its order:
 *   1. rules that name the host exactly (`hosts`), then those that name a suffix of it (`*.example.kr`), the longest suffix first, then
 *      those without hosts;
 *   2. among these the longest `path` wins; if none of them claims the path, the next ones are asked.
 *
 * Paths are compared as bytes, decoded once, after `resolveDots` (`http/path.ts`): this is what the application sees. A path that begins
 * with the root path of a proxy in front is matched without it, since a proxy may strip it or not.
 *
 * Not here: what is answered when nobody claims the request, and dot segments (`router.ts`).
 */
import { applicationRoot, isBelow } from '../http/application-root.ts'
import type { RequestHead } from '../http/exchange.ts'
import { decodePathBytes } from '../http/path.ts'
import { hostOf, suffixesOf } from './hosts.ts'
import { NOBODY, Prefixes } from './prefixes.ts'

export interface RouteRule {
  /** As `config/kinds/host-name.ts` makes them: `shop.example.kr`, `*.example.kr`, `[::1]`. Empty: every host, and requests without one. */
  readonly hosts: readonly string[]
  /** Empty, or as in `/shop`. */
  readonly path: string
  /** `--root-path`: empty, or as in `/outer`. */
  readonly rootPath: string
}

/** The index of the rule that claims the request; NOBODY (-1): none. */
export type FindRule = (request: Pick<RequestHead, 'authority' | 'path' | 'rootPath'>) => number

/** The rules of one host, of one suffix, or of all. */
interface Claims {
  /** With the root paths of the configuration in front, and without. */
  readonly paths: Prefixes
  /** Without: the request says itself what its proxy's root path is. */
  readonly bare: Prefixes
}

/** Of two rules with the same hosts and the same path the first has it; `config/` refuses such rules. */
export function compileRoutes(rules: readonly RouteRule[]): FindRule {
  const hosts = new Map<string, RouteRule[]>()
  for (const rule of rules)
    for (const host of rule.hosts.length === 0 ? [''] : rule.hosts) hosts.set(host, [...(hosts.get(host) ?? []), rule])
  const indexes = new Map(rules.map((rule, index) => [rule, index]))
  const byHost = new Map([...hosts].map(([host, same]) => [host, compileClaims(same, indexes)]))
  const ofAll = byHost.get('') ?? null
  const hasHosts = byHost.size > (ofAll === null ? 0 : 1)
  const chainOf = hasHosts ? rememberLast(authority => chainFor(hostOf(authority), byHost)) : null
  return ({ authority, path, rootPath }) => {
    const decoded = decodePathBytes(path)
    if (chainOf === null) return ofAll === null ? NOBODY : find(ofAll, decoded, rootPath)
    for (const claims of chainOf(authority)) {
      const index = find(claims, decoded, rootPath)
      if (index !== NOBODY) return index
    }
    return NOBODY
  }
}

function compileClaims(rules: readonly RouteRule[], indexes: ReadonlyMap<RouteRule, number>): Claims {
  const paths = new Prefixes()
  const bare = new Prefixes()
  const roots = rules.map(rule => ({ ...applicationRoot(rule.rootPath, rule.path), index: indexes.get(rule)! }))
  // What a proxy has not stripped comes first: `/shop/x` behind the root path `/shop` is `/x`.
  for (const { full, outer, index } of roots) if (outer !== '') paths.add(full, index)
  for (const { appPath, index } of roots) {
    paths.add(appPath, index)
    bare.add(appPath, index)
  }
  return { paths, bare }
}

function find({ paths, bare }: Claims, path: string, ownRoot: string | undefined): number {
  if (ownRoot === undefined) return paths.find(path)
  return bare.find(isBelow(path, ownRoot) ? path.slice(ownRoot.length) : path)
}

/** Who is asked for a host, in this order. */
function chainFor(host: string, byHost: ReadonlyMap<string, Claims>): readonly Claims[] {
  const names = host === '' ? [''] : [host, ...suffixesOf(host).map(suffix => `*.${suffix}`), '']
  return names.flatMap(name => byHost.get(name) ?? [])
}

/** Nearly all requests of a gateway name the same few hosts, and those of a connection the same one. */
function rememberLast<Value>(compute: (key: string) => Value): (key: string) => Value {
  let last: { readonly key: string; readonly value: Value } | null = null
  return key => {
    if (last === null || last.key !== key) last = { key, value: compute(key) }
    return last.value
  }
}
