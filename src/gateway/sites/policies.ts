/**
 * What the answer with a file says in a location: media type, charset, Cache-Control, entity tag. One policy for each location's settings, made
 * when it is first needed. Runs in the gateway.
 */
import { fileCompression } from '../../compression/files.ts'
import type { FilePolicy } from '../../handlers/static/entry.ts'
import { cacheControlOf, extensionOf, isText, mediaTypeOf } from '../../handlers/static/names.ts'
import type { CompiledLocation, SiteRequest } from '../../routing/sites/site-request.ts'
import type { LocationSettings } from '../../sites/model.ts'

export type PolicyOf = (location: CompiledLocation) => { readonly policy: FilePolicy; readonly policyId: number }

export function policies(): PolicyOf {
  const known = new Map<LocationSettings, { readonly policy: FilePolicy; readonly policyId: number }>()
  return ({ settings }) => {
    let found = known.get(settings)
    if (found === undefined) {
      found = { policy: policyFor(settings), policyId: known.size }
      known.set(settings, found)
    }
    return found
  }
}

const LINK_RULES = { outside: 'within', on: 'none', off: 'all' } as const

function policyFor(settings: LocationSettings): FilePolicy {
  const { expires, addHeaders, etag, ifModifiedSince, disableSymlinks, compression } = settings
  const adds = (field: string) => addHeaders.some(({ name }) => name.toLowerCase() === field)
  const isAuto = expires.kind === 'auto' && !adds('cache-control')
  return {
    contentTypeOf: name => typeOf(name, settings),
    cacheControlOf: isAuto ? cacheControlOf : () => null,
    hasEntityTag: etag,
    // What the configuration says of it stands in its place.
    forbidsSniffing: !adds('x-content-type-options'),
    dateRule: ifModifiedSince,
    linkRule: LINK_RULES[disableSymlinks],
    // What the configuration says of it may be right for the bytes of the file alone.
    compression: adds('content-encoding') ? null : fileCompression(compression),
  }
}

/** For text of the configuration: by the extension of the path, as for a file of that name. */
export function contentTypeFor({ uri, location }: SiteRequest): string {
  return typeOf(uri.slice(uri.lastIndexOf('/') + 1), location.settings)
}

function typeOf(name: string, { types, defaultType, charset }: LocationSettings): string {
  const type = (types === null ? mediaTypeOf(name) : ownType(types, extensionOf(name))) ?? defaultType
  return charset !== '' && isCharacters(type) ? `${type}; charset=${charset}` : type
}

/** Of nginx's `charset_types` only RSS is no text to us elsewhere. */
export function isCharacters(type: string): boolean {
  return isText(type) || type === 'application/rss+xml'
}

/** Names that every object has, such as `constructor`, are no extensions. */
function ownType(types: Readonly<Record<string, string>>, extension: string): string | undefined {
  return Object.hasOwn(types, extension) ? types[extension] : undefined
}
