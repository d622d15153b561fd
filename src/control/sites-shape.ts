/**
 * A check for each value of the model of sites, as the master sends it to the gateway; see `shapes.ts`. The values are right, because
 * `config/` made them: this only checks that they arrive whole. A field without a check does not compile.
 */
import { type Check, flag, listOf, numberFrom, object, oneOf, orNull, text, wholeNumber } from '../base/checks.ts'
import type {
  AddedHeader,
  ErrorTarget,
  Location,
  LocationSettings,
  PatternText,
  Place,
  Site,
  SitesModel,
  VariableMap,
} from '../sites/model.ts'

const line = text(65_536)
const MAX_ENTRIES = 10_000
const status = wholeNumber(0, 599)

/** One check for each `kind` of a union. */
function byKind(kinds: Readonly<Record<string, Check>>): Check {
  const kind = object<{ kind: string }>({ kind: oneOf(Object.keys(kinds)) })
  return value => kind(value) ?? kinds[(value as { readonly kind: string }).kind]!(value)
}

/** For types that contain themselves. */
function later(check: () => Check): Check {
  return value => check()(value)
}

function tableOf(check: Check): Check {
  return value => {
    const problem = object({})(value)
    if (problem !== null) return problem
    for (const one of Object.values(value as object)) {
      const wrong = check(one)
      if (wrong !== null) return wrong
    }
    return null
  }
}

const nothing = object({})
const place = object<Place>({ file: line, line: wholeNumber(0, 1e9), column: wholeNumber(0, 1e9) })
const pattern = object<PatternText>({ source: line, ignoresCase: flag })

const siteName = byKind({
  exact: object({ name: line }),
  suffix: object({ name: line }),
  prefix: object({ name: line }),
  regex: object({ pattern }),
})
const match = byKind({
  exact: object({ path: line }),
  prefix: object({ path: line, beatsRegex: flag }),
  regex: object({ pattern }),
  named: object({ name: line }),
})
const tryFile = byKind({
  file: object({ path: line }),
  directory: object({ path: line }),
  uri: object({ uri: line }),
  named: object({ name: line }),
  status: object({ status }),
})
const handler = byKind({
  app: object({ name: line }),
  files: object({ alias: orNull(object({ path: line, prefix: orNull(line) })) }),
  none: nothing,
})
const condition = byKind({
  true: object({ value: line }),
  equal: object({ value: line, to: line, not: flag }),
  matches: object({ value: line, pattern, not: flag }),
})
const step: Check = byKind({
  rewrite: object({ pattern, to: line, flag: oneOf(['next', 'last', 'break', 'redirect', 'permanent']) }),
  return: object({ status, text: orNull(line) }),
  set: object({ name: line, value: line }),
  break: nothing,
  if: object({ condition, steps: later(() => steps) }),
})
const steps = listOf(step, MAX_ENTRIES)

const settings = object<LocationSettings>({
  root: orNull(line),
  index: listOf(line, MAX_ENTRIES),
  autoindex: oneOf(['off', 'html', 'json']),
  addHeaders: listOf(object<AddedHeader>({ name: line, value: line, always: flag }), MAX_ENTRIES),
  expires: byKind({
    off: nothing,
    auto: nothing,
    epoch: nothing,
    max: nothing,
    after: object({ seconds: numberFrom(-1e12, 1e12), modified: flag }),
  }),
  errorPages: listOf(
    object<ErrorTarget>({ statuses: listOf(status, MAX_ENTRIES), becomes: orNull(status), target: line }),
    MAX_ENTRIES,
  ),
  interceptsErrors: flag,
  types: orNull(tableOf(line)),
  defaultType: line,
  charset: line,
  etag: flag,
  bodyLimit: orNull(wholeNumber(0, Number.MAX_SAFE_INTEGER)),
  absoluteRedirect: flag,
  portInRedirect: flag,
})
const location: Check = object<Location>({
  match,
  isInternal: flag,
  rewrites: steps,
  tryFiles: listOf(tryFile, MAX_ENTRIES),
  handler,
  settings,
  locations: listOf(
    later(() => location),
    MAX_ENTRIES,
  ),
  place,
})
const site = object<Site>({
  label: line,
  listen: listOf(line, MAX_ENTRIES),
  names: listOf(siteName, MAX_ENTRIES),
  isDefault: flag,
  rewrites: steps,
  root: location,
  locations: listOf(location, MAX_ENTRIES),
  place,
})
const map = object<VariableMap>({
  name: line,
  from: line,
  default: line,
  exact: tableOf(line),
  suffixes: tableOf(line),
  prefixes: tableOf(line),
  patterns: listOf(object({ pattern, value: line }), MAX_ENTRIES),
  place,
})

export const sitesModel: Check = object<SitesModel>({
  sites: listOf(site, MAX_ENTRIES),
  maps: listOf(map, MAX_ENTRIES),
})
