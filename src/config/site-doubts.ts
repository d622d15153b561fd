/**
 * Warnings about sites that are right and may not be meant: names that two sites have, a site or a location that nothing reaches, an
 * application that no site uses. Runs in the command line, and in the master when it reloads. Pure.
 *
 * Not here: what is wrong with one value or one location (`assemble-sites.ts`), who is let in (`access-doubts.ts`), names without a certificate (`master/tls/`).
 */
import type { Location, Place, Site, SiteName, SitesModel } from '../sites/model.ts'
import { doubtsOfAccess } from './access-doubts.ts'
import { namedApps } from './host-sites.ts'
import { formatPlace } from './sources/given.ts'
import type { AppConfig } from './types.ts'

/** Sentences with their places. `apps`: with the places of their tables; null: it is of the flat settings. */
export function doubtsOfSites(
  { sites }: SitesModel,
  apps: readonly { readonly name: AppConfig['name']; readonly place: Place | null }[],
): string[] {
  if (sites.length === 0) return []
  const listeners = listenersOf(sites)
  return [
    ...listeners.flatMap(sharedNames),
    ...unreached(sites, listeners),
    ...sites.flatMap(site => repeatedPatterns(site.locations)),
    ...sites.flatMap(emptyErrorPages),
    ...sites.flatMap(site => doubtsOfAccess(site, path => !isEmptyPath(site, path))),
    ...unusedApps(sites, apps),
  ]
}

/** The sites of each listener, in their order. One for all others, if some site names its own. */
function listenersOf(sites: readonly Site[]): readonly (readonly Site[])[] {
  const named = [...new Set(sites.flatMap(({ listen }) => listen))]
  const everywhere = sites.filter(({ listen }) => listen.length === 0)
  return [
    ...named.map(address => sites.filter(({ listen }) => listen.length === 0 || listen.includes(address))),
    ...(everywhere.length > 0 ? [everywhere] : []),
  ]
}

function sharedNames(sites: readonly Site[]): string[] {
  const first = new Map<string, Site>()
  const told: string[] = []
  for (const site of sites)
    for (const name of site.names) {
      const text = written(name)
      const other = first.get(text)
      if (other === undefined) first.set(text, site)
      else if (other !== site)
        told.push(
          `${at(site.place)}: the site at ${at(other.place)} has the name ${text === '' ? '""' : text} already: that one gets its requests`,
        )
    }
  const defaults = sites.filter(({ isDefault }) => isDefault)
  for (const site of defaults.slice(1))
    told.push(`${at(site.place)}: default does nothing: the site at ${at(defaults[0]!.place)} is the default already`)
  return told
}

/** Without names a site gets requests only as the default. */
function unreached(sites: readonly Site[], listeners: readonly (readonly Site[])[]): string[] {
  const defaults = new Set(listeners.map(own => own.find(({ isDefault }) => isDefault) ?? own[0]!))
  return sites
    .filter(site => site.names.length === 0 && !defaults.has(site))
    .map(({ place }) => `${at(place)}: no request comes to this site: it has no names, and another one is the default`)
}

function repeatedPatterns(locations: readonly Location[]): string[] {
  const first = new Map<string, Location>()
  const told: string[] = []
  for (const location of locations) {
    const { match, place } = location
    told.push(...repeatedPatterns(location.locations))
    if (match.kind !== 'regex') continue
    const text = `${match.pattern.ignoresCase ? '~*' : '~'} ${match.pattern.source}`
    const other = first.get(text) ?? first.get(`~* ${match.pattern.source}`)
    if (other === undefined) first.set(text, location)
    else told.push(`${at(place)}: no request comes to ${text}: the location at ${at(other.place)} matches before it`)
  }
  return told
}

function emptyErrorPages(site: Site): string[] {
  const { root, locations } = site
  const told: string[] = []
  const seen = new Set<string>()
  const visit = ({ settings, place, locations: inner }: Location): void => {
    for (const { statuses, target } of settings.errorPages) {
      // The site's own comes first: locations inherit it.
      if (!target.startsWith('/') || target.includes('$') || seen.has(target)) continue
      seen.add(target)
      if (isEmptyPath(site, target.replace(/\?.*/s, '')))
        told.push(
          `${at(place)}: error-page ${statuses.join(' ')} leads to ${target}, and no location has anything there`,
        )
    }
    inner.forEach(visit)
  }
  for (const location of [root, ...locations]) visit(location)
  return told
}

/** Nothing answers there. Only where it is certain: nothing rewrites the path, and no regular expression may have it. */
function isEmptyPath({ root, locations, rewrites: steps }: Site, path: string): boolean {
  if (steps.length > 0 || locations.some(({ match }) => match.kind === 'regex')) return false
  const { handler, rewrites, tryFiles, locations: inner } = locationOf(path, locations) ?? root
  return handler.kind === 'none' && rewrites.length === 0 && tryFiles.length === 0 && inner.length === 0
}

/** Among prefixes and exact paths. */
function locationOf(path: string, locations: readonly Location[]): Location | null {
  let found: Location | null = null
  let length = -1
  for (const location of locations) {
    const { match } = location
    if (match.kind === 'exact' && match.path === path) return location
    if (match.kind !== 'prefix' || !path.startsWith(match.path) || match.path.length <= length) continue
    found = location
    length = match.path.length
  }
  return found
}

function unusedApps(sites: readonly Site[], apps: Parameters<typeof doubtsOfSites>[1]): string[] {
  const used = namedApps(sites)
  return apps
    .filter(({ name }) => !used.has(name))
    .map(({ name, place }) => {
      const where = place === null ? '' : `${at(place)}: `
      return `${where}the application ${name} gets no request: no site has app = "${name}"`
    })
}

function written(name: SiteName): string {
  if (name.kind === 'regex') return `~${name.pattern.source}`
  return name.kind === 'exact' ? name.name : name.kind === 'suffix' ? `*${name.name}` : `${name.name}*`
}

function at({ file, line, column }: Place): string {
  return formatPlace(file, { line, column })
}
