/** The same configuration for Jumak. */
import type { SpecLocation, SpecSettings, SpecSite, SpecStep } from './spec.ts'
import { MAP, NETWORKS, PARTS } from './variables.ts'

type Toml = string | number | boolean | readonly Toml[] | { readonly [key: string]: Toml }

export function toToml(sites: readonly SpecSite[], files: string, app: string): string {
  const base: SpecSite = {
    name: '_',
    steps: [{ kind: 'set', name: 'mine', value: '' }],
    locations: [{ match: '~ ^/(?<first>[a-z]+)/', steps: [{ kind: 'return', status: 404 }], locations: [] }],
  }
  const tables = [base, ...sites].map(site => `[[site]]\n${lines(siteTable(site, files))}`)
  const variables = [
    `[[geo]]\n${lines({ name: '$net', from: '$arg_ip', networks: NETWORKS })}`,
    `[[split]]\n${lines({ name: '$part', from: '$arg_ip$arg_q', parts: PARTS })}`,
    `[[map]]\n${lines({ name: '$mapped', from: '$arg_q', values: MAP })}`,
  ]
  return `workers = 1\n\n[[app]]\nname = "echo"\napp = ${show(app)}\n\n${[...variables, ...tables].join('\n')}`
}

function siteTable(site: SpecSite, files: string): Record<string, Toml> {
  return {
    names: [site.name],
    ...(site.mergeSlashes === false ? { 'merge-slashes': false } : {}),
    expires: 'off',
    'auth-users': 'users',
    ...settings(site, files),
    ...(site.steps.length === 0 ? {} : { rewrites: site.steps.map(step) }),
    ...(site.locations.length === 0
      ? {}
      : { locations: site.locations.map(one => locationTable(one, files, site.root)) }),
  }
}

/** `root`: what nginx would inherit for files: an application is not inherited there. */
function locationTable(given: SpecLocation, files: string, root: string | undefined): Toml {
  const isPlain = !given.app && given.alias === undefined && given.root === undefined
  const one = isPlain && root !== undefined ? { ...given, root } : given
  const inner = one.alias !== undefined ? undefined : one.app ? (one.root ?? root) : one.root
  return {
    match: one.match,
    ...settings(one, files),
    ...(one.internal ? { internal: true } : {}),
    ...(one.limitExcept === undefined
      ? {}
      : { 'limit-except': one.limitExcept.methods, 'limit-except-access': one.limitExcept.access }),
    ...(one.app ? { app: 'echo' } : {}),
    ...(one.alias === undefined ? {} : { alias: files + one.alias }),
    ...(one.steps.length === 0 ? {} : { rewrites: one.steps.map(step) }),
    ...(one.locations.length === 0
      ? {}
      : { locations: one.locations.map(nested => locationTable(nested, files, inner)) }),
  }
}

function settings(of: SpecSettings, files: string): Record<string, Toml> {
  const headers = (always: string) =>
    Object.fromEntries((of.headers ?? []).flatMap(([name, value, when]) => (when === always ? [[name, value]] : [])))
  const [usual, always] = [headers(''), headers('always')]
  return {
    ...(of.access === undefined ? {} : { access: of.access }),
    ...(of.satisfy === undefined ? {} : { satisfy: of.satisfy }),
    ...(of.request === undefined ? {} : { 'auth-request': of.request }),
    ...(of.secureLink === undefined ? {} : { 'secure-link': of.secureLink[0], 'secure-link-md5': of.secureLink[1] }),
    ...(of.referers === undefined ? {} : { 'valid-referers': of.referers }),
    ...(of.basic === undefined ? {} : { 'auth-basic': of.basic }),
    ...(of.root === undefined ? {} : { root: files + of.root }),
    ...(of.index === undefined ? {} : { index: of.index }),
    ...(Object.keys(usual).length === 0 ? {} : { 'add-headers': usual }),
    ...(Object.keys(always).length === 0 ? {} : { 'add-headers-always': always }),
    ...(of.expires === undefined ? {} : { expires: of.expires }),
    ...(of.errorPage === undefined ? {} : { 'error-page': of.errorPage }),
    ...(of.defaultType === undefined ? {} : { 'default-type': of.defaultType }),
    ...(of.charset === undefined ? {} : { charset: of.charset }),
    ...(of.absoluteRedirect === undefined ? {} : { 'absolute-redirect': of.absoluteRedirect }),
    ...(of.ifModifiedSince === undefined ? {} : { 'if-modified-since': of.ifModifiedSince }),
    ...(of.limitRate === undefined ? {} : { 'limit-rate': of.limitRate }),
    ...(of.tryFiles === undefined ? {} : { 'try-files': of.tryFiles }),
  }
}

function step(one: SpecStep): Toml {
  switch (one.kind) {
    case 'rewrite':
      return { from: one.from!, to: one.to!, ...(one.flag === undefined ? {} : { flag: one.flag }) }
    case 'return':
      return { return: one.text === undefined ? one.status! : `${one.status} ${one.text}` }
    case 'set':
      return { set: { [one.name!]: one.value! } }
    case 'break':
      return { break: true }
    case 'if':
      return { if: one.condition!, rewrites: one.steps!.map(step) }
  }
}

function lines(table: Record<string, Toml>): string {
  return Object.entries(table)
    .map(([key, value]) => `${key} = ${show(value)}\n`)
    .join('')
}

function show(value: Toml): string {
  if (Array.isArray(value)) return `[${value.map(show).join(', ')}]`
  if (typeof value === 'object')
    return `{ ${Object.entries(value as Record<string, Toml>)
      .map(([key, inner]) => `${/^[\w-]+$/.test(key) ? key : JSON.stringify(key)} = ${show(inner)}`)
      .join(', ')} }`
  return JSON.stringify(value)
}
