/**
 * Upstreams from the tables `[[upstream]]` and from the URLs of `proxy`, and what locations say of passing requests on. Runs in the command
 * line, and in the master when it reloads.
 *
 * Invariant: no destination comes from a request; the words of a location name it (`kinds/upstream-words.ts` refuses variables there).
 * Not here: sites and locations (`assemble-sites.ts`), templates (`routing/sites/compile.ts`).
 */
import type { LocationHandler, LocationSettings, Match, Place } from '../sites/model.ts'
import type { NextUpstream, ProxySettings, Upstream, UpstreamServer } from '../sites/upstream-model.ts'
import { addressOf, type ProxyWords } from './kinds/upstream-words.ts'
import type { Setting } from './settings/setting.ts'
import { proxy, proxySettings, upstreamKeys } from './settings/upstream-keys.ts'
import type { FileTable } from './sources/app-tables.ts'
import { formatPlace } from './sources/given.ts'
import { placeOf } from './sources/site-tables.ts'
import type { Values } from './values.ts'

/** Of one group: each choice looks at all of them. */
const MAX_SERVERS = 256

export class UpstreamReader {
  readonly #named = new Map<string, Upstream>()
  /** Made for the URL of a location. */
  readonly #single = new Map<string, Upstream>()
  readonly #used = new Set<string>()

  /** An `[[upstream]]`. All of them come before the first location. */
  read(table: FileTable, values: Values): void {
    const { origin } = table
    const place = placeOf(table)
    for (const needed of [upstreamKeys.name, upstreamKeys.servers])
      if (!values.isGiven(needed) && !table.hasMistake) values.tell(origin, `an upstream needs ${needed.name}`)
    const name: string | null = values.one(upstreamKeys.name)
    const servers = this.#servers(values)
    const balance = values.one(upstreamKeys.balance)
    const upstream: Upstream = {
      name: name ?? '',
      servers,
      balance: balance.method,
      hashKey: balance.key,
      keepalive: values.one(upstreamKeys.keepalive),
      keepaliveTimeout: values.one(upstreamKeys.keepaliveTimeout),
      isSingle: false,
      place,
    }
    const isHashed = balance.method === 'ip-hash' || balance.method === 'hash' || balance.method === 'consistent-hash'
    if (isHashed && servers.some(({ isBackup }) => isBackup))
      values.warn(
        upstreamKeys.balance,
        'and a backup: its clients go to the backup only when no other server can be asked',
      )
    if (name === null) return
    const other = this.#named.get(name)
    if (other !== undefined)
      values.tell(origin, `the upstream ${name} is at ${formatPlace(other.place.file, other.place)} already`)
    else this.#named.set(name, upstream)
  }

  #servers(values: Values): UpstreamServer[] {
    const labels = new Set<string>()
    const servers: UpstreamServer[] = []
    for (const { value, given } of values.taken(upstreamKeys.servers)) {
      if (labels.has(value.label))
        values.report(upstreamKeys.servers, `has ${value.label} twice: weight=2 gives it a double share`, given)
      labels.add(value.label)
      servers.push(value)
    }
    if (servers.length > MAX_SERVERS)
      values.report(upstreamKeys.servers, `has ${servers.length} servers: ${MAX_SERVERS} at most`)
    if (servers.length > 0 && servers.every(({ isBackup, isDown }) => isBackup || isDown))
      values.report(upstreamKeys.servers, 'needs one server that is neither backup nor down')
    return servers
  }

  /** The handler of a location with `proxy`. `match`: null for a site. */
  target(values: Values, match: Match | null, place: Place): LocationHandler {
    const words: ProxyWords | null = values.one(proxy)
    if (words === null) return { kind: 'none' }
    const { uri } = words
    const isPath = match === null || match.kind === 'prefix' || match.kind === 'exact'
    if (uri !== null && !isPath)
      values.report(
        proxy,
        `must have no path here: a location with a ${match.kind === 'regex' ? 'regular expression' : 'name'} has no prefix that '${uri}' could replace`,
      )
    const prefix = match?.kind === 'prefix' || match?.kind === 'exact' ? match.path : '/'
    return { kind: 'proxy', upstream: this.#upstreamOf(words, place), uri: isPath ? uri : null, prefix }
  }

  #upstreamOf({ host, address }: ProxyWords, place: Place): string {
    if (address === null && this.#named.has(host)) {
      this.#used.add(host)
      return host
    }
    const name = address === null ? `${host}:80` : host
    if (!this.#single.has(name)) this.#single.set(name, single(name, address ?? addressOf(host), place))
    return name
  }

  /** Those that locations use. */
  all(tables: readonly FileTable[], values: Values): Upstream[] {
    for (const { origin, values: given } of tables) {
      const name = given.get(upstreamKeys.name.name)?.[0]?.text
      if (name !== undefined && this.#named.has(name) && !this.#used.has(name))
        values.warnings.push(
          `${formatPlace(origin.file, origin.position)}: the upstream ${name} gets no request: no location has proxy = "http://${name}"`,
        )
    }
    return [...[...this.#named.values()].filter(({ name }) => this.#used.has(name)), ...this.#single.values()]
  }
}

/** One server that a location names itself. */
function single(name: string, address: UpstreamServer['address'], place: Place): Upstream {
  const server: UpstreamServer = {
    label: name,
    address,
    weight: 1,
    maxFails: 0,
    failTimeout: 0,
    maxConns: 0,
    slowStart: 0,
    isBackup: false,
    isDown: false,
    isDraining: false,
  }
  const standard = (key: typeof upstreamKeys.keepalive) =>
    (key.kind.parse(key.default!) as { readonly value: number }).value
  return {
    name,
    servers: [server],
    balance: 'round-robin',
    hashKey: null,
    keepalive: standard(upstreamKeys.keepalive),
    keepaliveTimeout: standard(upstreamKeys.keepaliveTimeout),
    isSingle: true,
    place,
  }
}

/** The nearest value as a whole. `outer`: null at a site. */
export function readProxySettings(values: Values, outer: LocationSettings | null): ProxySettings {
  const inherited = outer?.proxy
  const own = <Value>(setting: Setting, read: () => Value, before: Value | undefined): Value =>
    values.isGiven(setting) || before === undefined ? read() : before
  const keys = proxySettings
  return {
    setHeaders: own(keys.proxySetHeaders, () => values.all(keys.proxySetHeaders), inherited?.setHeaders),
    hideHeaders: own(keys.proxyHideHeaders, () => values.all(keys.proxyHideHeaders), inherited?.hideHeaders),
    passHeaders: own(keys.proxyPassHeaders, () => values.all(keys.proxyPassHeaders), inherited?.passHeaders),
    connectTimeout: own(
      keys.proxyConnectTimeout,
      () => values.one(keys.proxyConnectTimeout),
      inherited?.connectTimeout,
    ),
    sendTimeout: own(keys.proxySendTimeout, () => values.one(keys.proxySendTimeout), inherited?.sendTimeout),
    readTimeout: own(keys.proxyReadTimeout, () => values.one(keys.proxyReadTimeout), inherited?.readTimeout),
    redirects: own(keys.proxyRedirect, () => allBut(values, keys.proxyRedirect), inherited?.redirects),
    cookieDomains: own(keys.proxyCookieDomain, () => allBut(values, keys.proxyCookieDomain), inherited?.cookieDomains),
    cookiePaths: own(keys.proxyCookiePath, () => allBut(values, keys.proxyCookiePath), inherited?.cookiePaths),
    ignoreHeaders: own(keys.proxyIgnoreHeaders, () => values.all(keys.proxyIgnoreHeaders), inherited?.ignoreHeaders),
    passesHeaders: own(
      keys.proxyPassRequestHeaders,
      () => values.one(keys.proxyPassRequestHeaders),
      inherited?.passesHeaders,
    ),
    passesBody: own(keys.proxyPassRequestBody, () => values.one(keys.proxyPassRequestBody), inherited?.passesBody),
    buffers: own(keys.proxyBuffering, () => values.one(keys.proxyBuffering), inherited?.buffers),
    forwarded: own(keys.proxyForwarded, () => values.one(keys.proxyForwarded), inherited?.forwarded),
    nextUpstream: own(keys.proxyNextUpstream, () => readNextUpstream(values), inherited?.nextUpstream),
    nextUpstreamTries: own(
      keys.proxyNextUpstreamTries,
      () => values.one(keys.proxyNextUpstreamTries),
      inherited?.nextUpstreamTries,
    ),
    nextUpstreamTimeout: own(
      keys.proxyNextUpstreamTimeout,
      () => values.one(keys.proxyNextUpstreamTimeout),
      inherited?.nextUpstreamTimeout,
    ),
  }
}

/** A list, or `off`, which is null. */
function allBut<Value>(values: Values, setting: Setting<Value | null>): Value[] {
  const all = values.all(setting)
  const some = all.filter(one => one !== null)
  if (some.length < all.length && all.length > 1) values.report(setting, 'must be off alone, or a list without it')
  return some
}

function readNextUpstream(values: Values): NextUpstream[] {
  const all = values.all(proxySettings.proxyNextUpstream)
  const some = all.filter(one => one !== 'off')
  if (some.length < all.length && some.length > 0)
    values.report(proxySettings.proxyNextUpstream, 'must be off alone, or a list without it')
  return some
}

/** Settings of the location itself that nothing in it uses. */
export function warnOfUselessProxy(values: Values, isUseless: boolean): void {
  for (const setting of Object.values(proxySettings))
    values.warnUseless(isUseless, setting, 'in a location without proxy')
}
