/**
 * An explanation as plain data, which `--json` prints as it is: what was decided in sentences of a few words, each with its place. Pure.
 *
 * Invariants: bytes are shown as UTF-8. What a client proves itself with (`secrets.ts`) is in no text of it.
 */

import type { Loaded } from '../../config/load.ts'
import type { Setting } from '../../config/settings/setting.ts'
import { staticFiles } from '../../config/settings/static.ts'
import { tls } from '../../config/settings/tls.ts'
import { describeOrigin, formatPlace } from '../../config/sources/given.ts'
import type { AppConfig, ListenScheme } from '../../config/types.ts'
import type { Settings } from '../../config/values.ts'
import type { Explained, ToldCoding } from '../../gateway/sites/explained.ts'
import type { Decision, TracedLocation } from '../../routing/sites/trace.ts'
import type { LimitUse, Place, RequestLimit } from '../../sites/model.ts'
import type { UpstreamServer, UpstreamTls } from '../../sites/upstream-model.ts'
import type { Asked } from './request.ts'
import { secretsOf, withoutSecrets } from './secrets.ts'
import { actingSettings } from './settings.ts'

export interface Step {
  readonly kind: Decision['kind'] | 'application' | 'static'
  readonly what: string
  readonly result: string
  /** It counted. False: it was tried, and something else was taken. */
  readonly applies: boolean
  /** `jumak.toml:12:3`; null: it has none. */
  readonly place: string | null
}

export interface Report {
  readonly request: {
    readonly method: string
    readonly url: string
    readonly from: string
    readonly headers: readonly string[]
  }
  readonly listener: { readonly address: string; readonly scheme: ListenScheme }
  readonly remarks: readonly string[]
  readonly steps: readonly Step[]
  readonly answer: Answer
  /** What the response is compressed with, or why not; null: the request has no Accept-Encoding, or gets no content. */
  readonly coding: ToldCoding | null
  readonly settings: readonly { readonly name: string; readonly value: string; readonly place: string }[]
}

export type Answer =
  | {
      /** What has the content: an application, a file, a list of a directory, our own page, a health check, the numbers of the program, a preflight of CORS, or the configuration itself. */
      readonly from: 'file' | 'list' | 'redirect' | 'text' | 'error' | 'health' | 'status' | 'preflight'
      readonly status: number
      readonly headers: readonly string[]
      /** Of the disk; null: it is none. */
      readonly file: string | null
      /** Why, if it is an error. */
      readonly error: string | null
    }
  | {
      readonly from: 'application'
      readonly application: string
      readonly pool: string
      readonly method: string
      readonly scriptName: string
      readonly pathInfo: string
      readonly query: string
      readonly bodyLimit: number
    }
  | {
      readonly from: 'upstream'
      readonly upstream: string
      /** As they are written, with the addresses that their names have now, and how they share. */
      readonly servers: readonly string[]
      /** How the server that is asked is known; null: without TLS. */
      readonly tls: string | null
      readonly balance: string
      /** The cookie by which a client stays with its server; null: it does not. */
      readonly sticky: string | null
      /** Requests that wait in each thread while all servers have `max-conns`; 0: none does. */
      readonly queue: number
      /** What one of them would get: method and target, then the fields. Those of the connection are not told. */
      readonly request: string
      readonly headers: readonly string[]
    }
  /** The connection is closed without an answer. */
  | { readonly from: 'nobody' }

/** `addresses`: of names of servers, by label. */
export function reportOf(
  explained: Explained,
  asked: Asked,
  { config, settings }: Loaded,
  addresses: ReadonlyMap<string, string> = new Map(),
): Report {
  const { decisions, request, address } = explained
  const last = decisions.findLast(one => one.kind === 'location')
  const sites = config.sites.sites.length > 0
  const acting = last === undefined ? [] : actingSettings(settings.sites, last.location)
  const report: Report = {
    request: {
      method: asked.request.method,
      url: `${request.scheme}://${request.authority}${asked.request.target}`,
      from: address,
      headers: asked.request.headers.slice(2),
    },
    listener: { address: asked.listener, scheme: asked.listenerScheme },
    remarks: explained.isSentToHttps
      ? [...asked.remarks, 'a certificate that names the host is taken for granted: without one the answer is 421']
      : asked.remarks,
    steps: [
      ...(sites
        ? decisions.flatMap(one => stepOf(one, request.authority) ?? [])
        : applicationSteps(explained, { config, settings })),
      ...staticSteps(explained),
    ],
    answer: answerOf(explained, addresses),
    coding: explained.coding,
    settings: [
      ...acting.map(({ name, value, place }) => ({ name, value, place: formatPlace(place.file, place) })),
      ...actingOutside(explained, asked, { config, settings }),
    ],
  }
  const secrets = secretsOf(asked.request.headers)
  return withoutSecrets(report, secrets)
}

const SITE_WHY = {
  exact: 'has this name',
  suffix: 'the longest with *. in front',
  prefix: 'the longest with .* at its end',
  regex: 'the first regular expression that matches',
  default: 'the default: no site names the host',
} as const

const LOCATION_WHY = {
  exact: 'exactly this path',
  prefix: 'the longest prefix',
  regex: 'the first regular expression that matches',
  slash: 'only with a slash at its end: a redirect adds it',
  named: 'by its name',
  none: 'no location has the path: the site itself',
} as const

const ACCESS_WORDS = {
  in: 'lets the client in',
  refused: 'refuses the client',
  none: 'does not name the client',
  assumed: 'decides, which only the running program knows: here it lets the client in',
} as const

/** Null: it says nothing that another step does not say. */
function stepOf(decision: Decision, authority: string): Step | null {
  const step = (what: string, result: string, applies = true, place: Place | null = null): Step => ({
    kind: decision.kind,
    what: text(what),
    result: text(result),
    applies,
    place: place === null ? null : formatPlace(place.file, place),
  })
  switch (decision.kind) {
    case 'site': {
      const { site, how, name } = decision
      const why = how === 'default' && authority === '' ? 'the default: the request names no host' : SITE_WHY[how]
      return step(
        site.label || '""',
        how === 'default' || name === site.label ? why : `by ${name}, ${why}`,
        true,
        site.place,
      )
    }
    case 'search':
      return step(decision.uri, '')
    case 'shorter':
      return step(decision.location.label || '/', 'a shorter prefix', false, decision.location.place)
    case 'beaten':
      return step(decision.location.label || '/', 'the longest prefix: it has no ^~', false, decision.location.place)
    case 'pattern':
      return decision.matches ? null : step(decision.location.label, 'does not match', false, decision.location.place)
    case 'location': {
      const { location, how } = decision
      return step(location.label || '(site)', whyLocation(location, how), true, location.place)
    }
    case 'rewrite':
      return decision.matches
        ? step(decision.pattern, `→ ${withQuery(decision.uri, decision.args)}`, true, decision.place)
        : step(decision.pattern, 'does not match', false, decision.place)
    case 'if': {
      const { condition, holds, file, place } = decision
      const said = holds ? 'holds' : 'does not hold'
      return step(condition, file === null || file === '' ? said : `${said}: ${file}`, holds, place)
    }
    case 'set':
      return step(`$${decision.name}`, `= ${decision.value}`, true, decision.place)
    case 'lookup':
      return step(
        `$${decision.name}`,
        `= ${decision.value}, by ${decision.of} of '${decision.text}'`,
        true,
        decision.place,
      )
    case 'break':
      return step('', 'no more steps here', true, decision.place)
    case 'return':
      return step(String(decision.status), decision.text ?? '', true, decision.place)
    case 'limit': {
      const { use, limit, isCounted } = decision
      const result = isCounted ? `${limit.key}: ${describeLimit(limit, use)}` : `${limit.key} is empty: not limited`
      return step(limit.name, result, isCounted, limit.place)
    }
    case 'access':
      return step(decision.what, ACCESS_WORDS[decision.result], decision.result !== 'none')
    case 'try': {
      const { what, isThere, file, uri } = decision
      if (file === '') return step(uri, 'can be no file here', false)
      return step(uri, `${isThere ? 'is there' : `no such ${what}`}: ${file}`, isThere)
    }
    case 'last-try':
      return step(decision.to, 'nothing was there')
    case 'internal-redirect':
      return step(decision.to, 'again through the site')
    case 'error-page': {
      const { status, becomes, to } = decision
      const as = becomes === null ? '' : becomes === 0 ? ', with the status of that' : `, as ${becomes}`
      return step(String(status), `→ ${to}${as}`)
    }
    case 'handler': {
      const { location, uri, file } = decision
      // Otherwise an application has it, or try-files has told the name.
      return location.handler.kind !== 'files' || location.tryFiles.length > 0
        ? null
        : step(uri, file || 'can be no file here')
    }
  }
}

function describeLimit({ of }: RequestLimit, { burst, delay, isDryRun }: LimitUse): string {
  const dry = isDryRun ? '; a dry run' : ''
  if (of.kind === 'connections') return `at most ${of.most} at once${dry}`
  const [seconds, soon] = [of.interval / 1e6, Math.min(delay, burst)]
  const often = seconds > 1 ? `1 in ${seconds} s` : `${Math.round(1 / seconds)} in a second`
  const more = burst === 0 ? '' : `; ${soon} sooner at once, ${burst - soon} more in turn`
  return `${often}${more}${dry}`
}

function whyLocation({ isInternal, beatsRegex, locations }: TracedLocation, how: keyof typeof LOCATION_WHY): string {
  const words: string[] = [LOCATION_WHY[how]]
  if (how === 'prefix' && beatsRegex) words.push('^~ keeps regular expressions out')
  if (isInternal) words.push('internal')
  if (how !== 'none' && locations !== null) words.push('none of its own locations has the path')
  return words.join('; ')
}

/** Without sites: which application claims what. */
function applicationSteps(
  { outcome, decisions, mounts, isSentToHttps }: Explained,
  { config, settings }: Pick<Loaded, 'config' | 'settings'>,
): Step[] {
  if (decisions.length > 0 || isSentToHttps || (config.apps.length === 1 && isForAll(config.apps[0]!))) return []
  const taken = outcome.kind === 'application' ? outcome.name : (mounts.at(-1)?.app ?? null)
  return config.apps
    .map(({ name, hosts, path }, i): Step => {
      const origin = settings.apps[i]!.origin
      return {
        kind: 'application',
        what: name,
        result: `${hosts.length === 0 ? 'every host' : hosts.join(', ')} · ${path === '' ? 'every path' : `${path} and below`}`,
        applies: name === taken,
        place: origin === null ? null : formatPlace(origin.file, origin.position),
      }
    })
    .sort((a, b) => Number(b.applies) - Number(a.applies))
}

function isForAll({ hosts, path }: Pick<AppConfig, 'hosts' | 'path'>): boolean {
  return hosts.length === 0 && path === ''
}

/** What an application's `static` has, or has not. */
function staticSteps({ mounts, outcome }: Explained): Step[] {
  return mounts.map(({ url, file }, i): Step => {
    const isThere = i === mounts.length - 1 && outcome.kind === 'response' && !outcome.hasOwnPage
    const result = file === '' ? 'can be no file here' : `${isThere ? 'is there' : 'no such file'}: ${file}`
    return { kind: 'static', what: url, result, applies: isThere, place: null }
  })
}

/** What acts around all requests, and `static` of the application. */
function actingOutside(
  { isSentToHttps, mounts }: Explained,
  { local }: Asked,
  { config, settings }: Pick<Loaded, 'config' | 'settings'>,
): Report['settings'] {
  const given = (setting: Setting, from: Settings): Report['settings'] =>
    (from.get(setting.name) ?? []).map(({ text, origin }) => ({
      name: setting.name,
      value: text,
      place: origin.from === 'file' ? formatPlace(origin.file, origin.position) : describeOrigin(setting, origin),
    }))
  const app = settings.apps[config.apps.findIndex(({ name }) => name === mounts.at(-1)?.app)]
  return [
    ...(isSentToHttps ? given(tls.https.redirect, settings.program) : []),
    ...(config.https.hsts !== null && local.tls !== null ? given(tls.https.hsts, settings.program) : []),
    ...(app === undefined ? [] : given(staticFiles.staticMounts, app.settings)),
  ]
}

function answerOf({ outcome, decisions, mounts }: Explained, addresses: ReadonlyMap<string, string>): Answer {
  switch (outcome.kind) {
    case 'closed':
      return { from: 'nobody' }
    case 'upstream': {
      const { group, tls, method, target, headers } = outcome
      return {
        from: 'upstream',
        upstream: group.name,
        servers: group.servers.map(one => serverText(one, addresses.get(one.label))),
        tls: tls === null ? null : tlsText(tls),
        balance: group.balance,
        sticky: group.sticky?.cookie ?? null,
        queue: group.queue?.most ?? 0,
        request: `${method} ${text(target)} HTTP/1.1`,
        headers: headers.map(text),
      }
    }
    case 'application': {
      const { name, pool, method, scriptName, pathInfo, query, bodyLimit } = outcome
      return {
        from: 'application',
        application: name,
        pool,
        method,
        scriptName: text(scriptName),
        pathInfo: text(pathInfo),
        query: text(query),
        bodyLimit,
      }
    }
    case 'response': {
      const { status, error, hasOwnPage, isHealth } = outcome
      const headers = outcome.headers.map(text)
      const end = decisions.findLast(one => one.kind === 'handler' || one.kind === 'return')
      const isFile = !hasOwnPage && end?.kind === 'handler' && end.location.handler.kind === 'files'
      const isList = isFile && end.uri.endsWith('/')
      const isRedirect = headers.some((name, i) => i % 2 === 0 && name.toLowerCase() === 'location')
      const from = isHealth
        ? 'health'
        : isRedirect
          ? 'redirect'
          : isList
            ? 'list'
            : hasOwnPage
              ? 'error'
              : end?.kind === 'return'
                ? 'text'
                : end?.kind === 'handler' && end.location.handler.kind === 'status'
                  ? 'status'
                  : end === undefined && decisions.length > 0
                    ? 'preflight'
                    : 'file'
      const isServed = end?.kind === 'handler' && end.file !== '' && (from === 'file' || from === 'list')
      const mount = from === 'file' && end === undefined ? mounts.at(-1) : undefined
      return { from, status, headers, file: isServed ? text(end.file) : (mount?.file ?? null), error }
    }
  }
}

/** `addresses`: of its name, if it has one. */
function serverText({ label, weight, isBackup, isDown }: UpstreamServer, addresses: string | undefined): string {
  return [
    label,
    ...(weight > 1 ? [`weight=${weight}`] : []),
    ...(isBackup ? ['backup'] : []),
    ...(isDown ? ['down'] : []),
    ...(addresses === undefined ? [] : [`(${addresses})`]),
  ].join(' ')
}

function tlsText({ name, sendsName, isVerified }: UpstreamTls): string {
  const whose = name ?? 'the name of the server as it is written'
  return [
    isVerified ? `the certificate must be for ${whose}` : 'no certificate is verified (proxy-ssl-verify)',
    sendsName ? `SNI ${name ?? 'is that name'}` : 'no SNI (proxy-ssl-server-name)',
  ].join('; ')
}

function withQuery(uri: string, args: string): string {
  return args === '' ? uri : `${uri}?${args}`
}

/** Bytes as text. What is no UTF-8 stays as it is. */
function text(bytes: string): string {
  if (!/[\x80-\xff]/.test(bytes) || /[^\x00-\xff]/.test(bytes)) return bytes
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(bytes, 'latin1'))
  } catch {
    return bytes
  }
}
