/**
 * Which settings of the file act in a location, and where each is written. As `config/assemble-sites.ts` inherits them: the nearest value as
 * a whole. Pure.
 */
import { handlerKeys, locationSettings, siteKeys } from '../../config/settings/site-keys.ts'
import type { Given } from '../../config/sources/given.ts'
import type { FilePart, FileSites } from '../../config/sources/site-tables.ts'
import type { TracedLocation } from '../../routing/sites/trace.ts'
import type { Place } from '../../sites/model.ts'

export interface ActingSetting {
  readonly name: string
  readonly value: string
  readonly place: Place
}

const { addHeaders, addHeadersAlways, index, autoindex, etag, types, tryFiles } = locationSettings
const { ifModifiedSince, disableSymlinks } = locationSettings
/** They are inherited together. */
const HEADERS: readonly string[] = [addHeaders.name, addHeadersAlways.name]
const OF_FILES: readonly string[] = [index, autoindex, etag, types, ifModifiedSince, disableSymlinks].map(
  ({ name }) => name,
)
const HANDLERS: readonly string[] = Object.values(handlerKeys).map(({ name }) => name)
const SETTINGS: readonly string[] = Object.values(locationSettings).map(({ name }) => name)
/** Not inherited. */
const OWN: readonly string[] = [tryFiles.name, 'return', 'redirect', 'internal']

/** In the order of the reference. */
export function actingSettings(sites: FileSites, location: TracedLocation): ActingSetting[] {
  const within = chainTo(sites.sites, location.place)
  if (within === null) return []
  const chain = [...within, { ...sites.defaults, locations: [], rewrites: [] }]
  const given = (part: FilePart, name: string): readonly Given[] => part.values.get(name) ?? []
  const nearest = (names: readonly string[]): FilePart | undefined =>
    chain.find((part, depth) =>
      names.some(name => given(part, name).length > 0 && (depth === 0 || !OWN.includes(name))),
    )
  const handler = nearest(HANDLERS.filter(name => !OWN.includes(name) || chain[0]!.values.has(name)))
  const root = nearest([handlerKeys.root.name])
  const isForFiles = location.handler.kind === 'files'
  const names = ['internal', siteKeys.mergeSlashes.name, ...HANDLERS, ...SETTINGS]
  return names.flatMap(name => {
    if (OF_FILES.includes(name) && !isForFiles) return []
    const part = HEADERS.includes(name)
      ? nearest(HEADERS)
      : name === handlerKeys.root.name && (isForFiles || location.tryFiles.length > 0)
        ? root
        : HANDLERS.includes(name)
          ? handler
          : nearest([name])
    const values = part === undefined ? [] : given(part, name)
    const [first] = values
    if (first?.origin.from !== 'file') return []
    const { file, position } = first.origin
    return [{ name, value: values.map(({ text }) => text).join(', '), place: { file, ...position } }]
  })
}

/** The location's table, then those around it, up to the site. */
function chainTo(parts: readonly FilePart[], { file, line, column }: Place): readonly FilePart[] | null {
  for (const part of parts) {
    const { position } = part.origin
    if (part.origin.file === file && position.line === line && position.column === column) return [part]
    const inner = chainTo(part.locations, { file, line, column })
    if (inner !== null) return [...inner, part]
  }
  return null
}
