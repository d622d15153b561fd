/**
 * The settings of a location: its own values, and those of what is around it. Runs in the command line, and in the master when it reloads.
 *
 * Invariant: the nearest value counts as a whole, as in nginx: lists are not joined.
 * Not here: what a location is and does (`assemble-sites.ts`); values that have a file of their own (`assemble-access.ts`,
 * `assemble-compression.ts`, `assemble-limits.ts`, `assemble-logs.ts`, `assemble-upstreams.ts`).
 */
import type {
  AddedHeader,
  Compression,
  Cors,
  LocationSettings,
  RequestLimit,
  SiteLog,
  SiteName,
} from '../sites/model.ts'
import { type AccessReader, readLinks } from './assemble-access.ts'
import { readCgiSettings } from './assemble-cgi.ts'
import { readCompression } from './assemble-compression.ts'
import { readLimitUses } from './assemble-limits.ts'
import { readLogUses } from './assemble-logs.ts'
import { readParamSettings, type UpstreamReader } from './assemble-upstreams.ts'
import { SECURE_HEADERS } from './kinds/response-words.ts'
import { statOrNull } from './machine/files.ts'
import type { Setting } from './settings/setting.ts'
import { handlerKeys, locationSettings } from './settings/site-keys.ts'
import type { Values } from './values.ts'

/** What the values of a location may name, and what they inherit from beyond the sites. */
export interface GivenAround {
  readonly access: AccessReader
  readonly upstreams: UpstreamReader
  /** Of the site. */
  readonly names: readonly SiteName[]
  /** What stands at the top of the file. */
  readonly compression: Compression
  readonly limits: readonly RequestLimit[]
  readonly logs: readonly SiteLog[]
}

/** The nearest value as a whole. `outer`: of what is around it; null: it is the top of the file. */
export function readSettings(values: Values, outer: LocationSettings | null, given: GivenAround): LocationSettings {
  const { index, autoindex, expires, addHeaders, addHeadersAlways, errorPage, interceptErrors } = locationSettings
  const { types, defaultType, charset, etag, limitRate, limitRateAfter, timeout, requestBuffering } = locationSettings
  const { ifModifiedSince, disableSymlinks, absoluteRedirect, portInRedirect, bodyLimit } = locationSettings
  const { limits, logs } = locationSettings
  const own = <Value>(setting: Setting, read: () => Value, inherited: Value | undefined): Value =>
    values.isGiven(setting) || inherited === undefined ? read() : inherited
  const { headers, cookieFlags } = locationSettings
  const ownRoot: string | null = values.one(handlerKeys.root)
  warnOfMissing(values, handlerKeys.root, ownRoot)
  const root = ownRoot ?? outer?.root ?? null
  const added = (setting: typeof addHeaders, always: boolean): AddedHeader[] =>
    values.all(setting).map(({ name, value }) => ({ name, value, always }))
  const hasHeaders = values.isGiven(addHeaders) || values.isGiven(addHeadersAlways) || outer === null
  return {
    access: given.access.read(values, outer?.access ?? null),
    ...readLinks(values, outer, given.names),
    root,
    index: own(index, () => values.all(index), outer?.index),
    autoindex: own(autoindex, () => values.one(autoindex), outer?.autoindex),
    addHeaders: hasHeaders ? [...added(addHeaders, false), ...added(addHeadersAlways, true)] : outer.addHeaders,
    expires: own(expires, () => values.one(expires), outer?.expires),
    errorPages: own(errorPage, () => values.all(errorPage), outer?.errorPages),
    interceptsErrors: own(interceptErrors, () => values.one(interceptErrors), outer?.interceptsErrors),
    types: own(types, () => readTypes(values), outer?.types),
    // A text that is shown, not saved: unlike a file of unknown type.
    defaultType:
      values.isGiven(handlerKeys.return) && !values.isGiven(defaultType)
        ? 'text/plain'
        : own(defaultType, () => values.one(defaultType), outer?.defaultType),
    charset: own(charset, () => withoutOff(values.one(charset)), outer?.charset),
    etag: own(etag, () => values.one(etag), outer?.etag),
    ifModifiedSince: own(ifModifiedSince, () => values.one(ifModifiedSince), outer?.ifModifiedSince),
    disableSymlinks: own(disableSymlinks, () => values.one(disableSymlinks), outer?.disableSymlinks),
    compression: readCompression(values, COMPRESSION_KEYS, outer?.compression ?? given.compression),
    standardHeaders: own(
      headers,
      () => (values.one(headers) === 'secure' ? SECURE_HEADERS : []),
      outer?.standardHeaders,
    ),
    cors: readCors(values, outer?.cors ?? null),
    cookieFlags: own(cookieFlags, () => values.all(cookieFlags).filter(one => one !== null), outer?.cookieFlags),
    limits: own(limits, () => readLimitUses(values, given.limits), outer?.limits),
    logs: own(logs, () => readLogUses(values, given.logs), outer?.logs),
    bodyLimit: own(bodyLimit, () => values.one(bodyLimit), outer?.bodyLimit),
    limitRate: own(limitRate, () => values.one(limitRate), outer?.limitRate),
    limitRateAfter: own(limitRateAfter, () => values.one(limitRateAfter), outer?.limitRateAfter),
    timeout: own(timeout, () => values.one(timeout), outer?.timeout),
    requestBuffering: own(requestBuffering, () => values.one(requestBuffering), outer?.requestBuffering),
    absoluteRedirect: own(absoluteRedirect, () => values.one(absoluteRedirect), outer?.absoluteRedirect),
    portInRedirect: own(portInRedirect, () => values.one(portInRedirect), outer?.portInRedirect),
    proxy: given.upstreams.settings(values, outer),
    params: readParamSettings(values, outer),
    cgi: readCgiSettings(values, outer),
  }
}

/** It may be made later, by a build, so a start goes on. An alias without a slash at its end may be a file. */
export function warnOfMissing(values: Values, key: typeof handlerKeys.root, path: string | null): void {
  if (path === null || path === '' || path.includes('$') || statOrNull(path) !== null) return
  values.warn(key, `names ${path}, which is not there, or may not be looked at`)
}

const COMPRESSION_KEYS = {
  compress: locationSettings.compress,
  types: locationSettings.compressTypes,
  minLength: locationSettings.compressMinLength,
}

/** All keys of it together, as one value. */
function readCors(values: Values, outer: Cors | null): Cors | null {
  const { cors, corsMethods, corsHeaders, corsExposed, corsCredentials, corsMaxAge } = locationSettings
  const rest = [corsMethods, corsHeaders, corsExposed, corsCredentials, corsMaxAge]
  if (!values.isGiven(cors)) {
    for (const setting of rest) values.warnUseless(true, setting, 'without cors beside it')
    return outer
  }
  const origins = values.all(cors)
  const credentials = values.one(corsCredentials)
  if (origins.includes(null) && origins.length > 1) values.refuse(cors, 'must be off alone')
  if (credentials && origins.includes('*'))
    values.refuse(cors, 'must name the origins beside cors-credentials: every page of the web could act as the user')
  const named = origins.filter(one => one !== null)
  if (named.length === 0) return null
  return {
    origins: named,
    methods: values.all(corsMethods),
    headers: values.all(corsHeaders),
    exposed: values.all(corsExposed),
    credentials,
    maxAge: Math.floor(values.one(corsMaxAge) / 1000),
  }
}

function readTypes(values: Values): Readonly<Record<string, string>> | null {
  if (!values.isGiven(locationSettings.types)) return null
  return Object.fromEntries(values.all(locationSettings.types).map(({ name, value }) => [name.toLowerCase(), value]))
}

function withoutOff(charset: string): string {
  return charset === 'off' ? '' : charset
}
