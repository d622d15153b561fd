/**
 * Which location a path is for: nginx's rule. Of prefixes the longest is remembered; unless it says `^~`, the regular expressions of the
 * same level are tried in their order, and the first that matches wins; `=` ends the search at once. The nested locations of what was found
 * are searched in the same way, first. Runs in the gateway for each request of a site; pure.
 */
import type { Location } from '../../sites/model.ts'
import { PathMap } from './path-map.ts'
import { type ListedPattern, PatternList } from './pattern-list.ts'
import { PrefixTree } from './prefix-tree.ts'
import type { CompiledLocation, LocationTable, Matches, SiteRequest } from './site-request.ts'
import type { Trace } from './trace.ts'

export interface LocationEntry {
  readonly location: Location
  readonly compiled: CompiledLocation
  /** Null: it is chosen by text. */
  readonly pattern: ListedPattern<SiteRequest> | null
}

/** `onTwice`: two locations of one level claim the same paths. */
export function locationTable(
  entries: readonly LocationEntry[],
  onTwice: (entry: LocationEntry) => void,
): LocationTable {
  const exact = new PathMap<CompiledLocation>()
  const prefixes = new PrefixTree<CompiledLocation>()
  const listed: ListedPattern<SiteRequest>[] = []
  const patterns: { readonly matches: Matches; readonly location: CompiledLocation }[] = []
  const slashless = new PathMap<CompiledLocation>()
  for (const entry of entries) {
    const { location, compiled, pattern } = entry
    const { match } = location
    const isPath = match.kind === 'exact' || match.kind === 'prefix'
    if (isPath && match.path.length > 1 && match.path.endsWith('/') && location.handler.kind === 'app')
      slashless.add(match.path.slice(0, -1), compiled)
    if (match.kind === 'exact') {
      if (!exact.add(match.path, compiled)) onTwice(entry)
    } else if (match.kind === 'prefix') {
      if (!prefixes.add(match.path, compiled)) onTwice(entry)
    } else if (pattern !== null) {
      listed.push(pattern)
      patterns.push({ matches: pattern.matches, location: compiled })
    }
  }
  return { exact, prefixes, patterns, patternList: new PatternList(listed), slashless }
}

/** `slash`: the path lacks the slash at its end. Null: no location of the table has it. */
export type Found = { readonly location: CompiledLocation; readonly how: 'exact' | 'slash' | 'prefix' | 'regex' } | null

export function findLocation(table: LocationTable, request: SiteRequest): Found {
  const { uri, trace } = request
  const same = table.exact.get(uri)
  if (same !== undefined) return { location: same, how: 'exact' }
  const longest = table.prefixes.find(uri)
  if (trace !== null)
    for (const location of table.prefixes.along(uri).slice(0, -1)) trace({ kind: 'shorter', location })
  const slash = table.slashless.get(uri)
  // Not if a location has the path itself, or is longer: none can be longer and still begin it.
  if (slash !== undefined && longest?.prefix !== uri) return { location: slash, how: 'slash' }
  let found: Found = longest === undefined ? null : { location: longest, how: 'prefix' }
  if (longest?.locations) {
    const nested = findLocation(longest.locations, request)
    if (nested !== null && nested.how !== 'prefix') return nested
    if (nested !== null) found = nested
  }
  if (longest?.beatsRegex) return found
  if (table.patterns.length === 0) return found
  const index = trace === null ? table.patternList.first(request, uri) : firstTold(table, request, trace)
  if (index < 0) return found
  const { location } = table.patterns[index]!
  if (trace !== null && longest !== undefined) trace({ kind: 'beaten', location: longest })
  const nested = location.locations === null ? null : findLocation(location.locations, request)
  return { location: nested?.location ?? location, how: 'regex' }
}

/** As `PatternList.first`, and each regular expression is told. */
function firstTold({ patterns }: LocationTable, request: SiteRequest, trace: Trace): number {
  return patterns.findIndex(({ matches, location }) => {
    const isMatch = matches(request, request.uri)
    trace({ kind: 'pattern', location, matches: isMatch })
    return isMatch
  })
}
