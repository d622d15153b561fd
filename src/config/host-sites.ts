/**
 * Sites that come of the applications' own `hosts` and `path`, beside those that are written as `[[site]]`. Runs in the command line, and in
 * the master when it reloads. Pure.
 *
 * The rules:
 *   1. the hosts of an application are the names of a site, in which its path leads to it, and all else is 404;
 *   2. an application without hosts that no location names is for the hosts that no site names, and for what is left on the hosts of other
 *      applications. It gets none of the former where a `[[site]]` takes them: one with `default`, or without names;
 *   3. an application without hosts that a location names is there only. Its path is its prefix.
 *
 * Invariant: among applications it is as without sites (`routing/routes.ts`): first those with the exact host, then the longest `*.`, then
 * those without hosts; within each the longest path. Slashes are not merged.
 * Not here: a configuration without a `[[site]]`. There the path of an application goes with its generation, and responses have no orders
 * (X-Accel-Redirect), so applications are chosen by `routing/router.ts`.
 */
import { bytesOf } from '../base/bytes.ts'
import { suffixesOf } from '../routing/hosts.ts'
import type { Location, LocationSettings, Place, Site, SiteName } from '../sites/model.ts'
import type { AppConfig } from './types.ts'

/** `place`: of its table. */
export type ClaimingApp = Pick<AppConfig, 'name' | 'path' | 'rootPath' | 'hosts'> & { readonly place: Place }

/** `written`: at least one. `settings`: what all sites inherit. */
export function sitesOfHosts(
  apps: readonly ClaimingApp[],
  written: readonly Site[],
  settings: LocationSettings,
): readonly Site[] {
  const elsewhere = namedApps(written)
  const ofAll = apps.filter(({ name, hosts }) => hosts.length === 0 && !elsewhere.has(name))
  const bySpan = new Map<string, { readonly names: SiteName[]; readonly claims: readonly Claim[] }>()
  const byHost = Map.groupBy(
    apps.flatMap(app => app.hosts.map(host => ({ host, app }))),
    ({ host }) => host,
  )
  for (const host of byHost.keys()) {
    const levels = [...new Set([host, ...suffixesOf(host).map(suffix => `*.${suffix}`)])]
    const claims = claimsOf([...levels.map(name => byHost.get(name)?.map(({ app }) => app) ?? []), ofAll])
    const key = claims.map(({ path, app }) => `${path} ${app.name}`).join('\n')
    const same = bySpan.get(key)
    if (same === undefined) bySpan.set(key, { names: [nameOf(host)], claims })
    else same.names.push(nameOf(host))
  }
  const sites = bySpan.values().map(({ names, claims }) => siteOf(names, claims, settings))
  const takesRest = written.some(({ names, isDefault }) => isDefault || names.length === 0)
  const rest = ofAll.length === 0 || takesRest ? [] : [siteOf([], claimsOf([ofAll]), settings)]
  return [...sites, ...rest]
}

/** Names of the applications to which a location leads. */
export function namedApps(sites: readonly Site[]): ReadonlySet<string> {
  const names = new Set<string>()
  const visit = ({ handler, locations }: Location): void => {
    if (handler.kind === 'app') names.add(handler.name)
    locations.forEach(visit)
  }
  for (const { root, locations } of sites) [root, ...locations].forEach(visit)
  return names
}

interface Claim {
  /** Empty, or as in `/shop`; bytes. */
  readonly path: string
  readonly app: ClaimingApp
}

/** What an earlier level claims, or what is below it, nobody of a later one gets. */
function claimsOf(levels: readonly (readonly ClaimingApp[])[]): readonly Claim[] {
  const all: Claim[] = []
  for (const level of levels) {
    const before = [...all]
    // A proxy in front may have taken its part (`root-path`) away, or not.
    for (const app of level)
      for (const path of formsOf(app))
        if (!before.some(earlier => isSameOrBelow(path, earlier.path)) && !all.some(one => one.path === path))
          all.push({ path, app })
  }
  return all
}

function formsOf({ path, rootPath }: ClaimingApp): readonly string[] {
  return [...new Set([bytesOf(rootPath + path), bytesOf(path)])]
}

/** `/shop/x` is below `/shop`, and everything is below the empty path. */
function isSameOrBelow(path: string, upper: string): boolean {
  return path === upper || path.startsWith(`${upper}/`)
}

function nameOf(host: string): SiteName {
  return host.startsWith('*.') ? { kind: 'suffix', name: host.slice(1) } : { kind: 'exact', name: host }
}

function siteOf(names: readonly SiteName[], claims: readonly Claim[], settings: LocationSettings): Site {
  const { place } = claims[0]!.app
  const location = (match: Location['match'], handler: Location['handler'], of: Place): Location => ({
    match,
    isInternal: false,
    rewrites: [],
    tryFiles: [],
    handler,
    settings,
    limitExcept: null,
    locations: [],
    place: of,
  })
  const [first] = names
  return {
    label: first === undefined ? 'other hosts' : first.kind === 'exact' ? first.name : `*${nameText(first)}`,
    listen: [],
    names,
    isDefault: names.length === 0,
    mergesSlashes: false,
    rewrites: [],
    root: location({ kind: 'prefix', path: '', beatsRegex: false }, { kind: 'none' }, place),
    locations: claims.flatMap(({ path, app }) => {
      const handler = { kind: 'app', name: app.name } as const
      const below = location({ kind: 'prefix', path: `${path}/`, beatsRegex: false }, handler, app.place)
      // `/shop` claims itself and what is below it, never `/shopping`.
      return path === '' ? [below] : [location({ kind: 'exact', path }, handler, app.place), below]
    }),
    place,
  }
}

function nameText(name: SiteName): string {
  return name.kind === 'regex' ? '' : name.name
}
