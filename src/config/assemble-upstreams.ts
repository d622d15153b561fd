/**
 * Upstreams from the tables `[[upstream]]` and from the URLs of `proxy`, and what locations say of passing requests on. Runs in the command
 * line, and in the master when it reloads.
 *
 * Invariant: where requests choose their server, `proxy-allow-hosts` says which they may.
 * Not here: sites and locations (`assemble-sites.ts`), templates (`routing/sites/compile.ts`).
 */

import type { LocationHandler, LocationSettings, Match, Place } from '../sites/model.ts'
import { singleServer } from '../sites/single-server.ts'
import type {
  AllowedHost,
  NextUpstream,
  ParamSettings,
  ProxySettings,
  ScriptProtocol,
  ServerAddress,
  ServerProtocol,
  Upstream,
  UpstreamServer,
  UpstreamTls,
} from '../sites/upstream-model.ts'
import { UpstreamTlsReader } from './assemble-upstream-tls.ts'
import { isAddress } from './kinds/ip.ts'
import { addressOf, type ProxyWords } from './kinds/upstream-words.ts'
import { paramKeys, scriptKeys } from './settings/param-keys.ts'
import type { Setting } from './settings/setting.ts'
import { upstreamKeys } from './settings/upstream-group-keys.ts'
import { proxy, proxySettings } from './settings/upstream-keys.ts'
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
  /** Those that say `keepalive` themselves. */
  readonly #keptAlive = new Set<string>()
  readonly #tls = new UpstreamTlsReader()
  #usesTls = false
  /** Names of groups, and the TLS settings of the first location that asks them by TLS. */
  readonly #askedByTls = new Map<string, number>()
  readonly #askedPlainly = new Set<string>()

  /** An `[[upstream]]`. All of them come before the first location. */
  read(table: FileTable, values: Values): void {
    const { origin } = table
    const place = placeOf(table)
    for (const needed of [upstreamKeys.name, upstreamKeys.servers])
      if (!values.isGiven(needed) && !table.hasMistake) values.tell(origin, `an upstream needs ${needed.name}`)
    const name: string | null = values.one(upstreamKeys.name)
    const servers = this.#servers(values)
    const balance = values.one(upstreamKeys.balance)
    const healthCheck = values.one(upstreamKeys.healthCheck)
    const upstream: Upstream = {
      name: name ?? '',
      protocol: 'http',
      servers,
      balance: balance.method,
      hashKey: balance.key,
      keepalive: values.one(upstreamKeys.keepalive),
      keepaliveTimeout: values.one(upstreamKeys.keepaliveTimeout),
      queue: values.one(upstreamKeys.queue),
      ejection: values.one(upstreamKeys.ejection),
      sticky: values.one(upstreamKeys.sticky),
      healthCheck: healthCheck === null ? null : { ...healthCheck, tls: null },
      queueTimeout: 0,
      isSingle: false,
      place,
    }
    const isHashed = balance.method === 'ip-hash' || balance.method === 'hash' || balance.method === 'consistent-hash'
    if (isHashed && servers.some(({ isBackup }) => isBackup))
      values.warn(
        upstreamKeys.balance,
        'and a backup: its clients go to the backup only when no other server can be asked',
      )
    const { ejection } = upstream
    const isRoundedToNone = ejection !== null && Math.floor((servers.length * ejection.share) / 100) === 0
    // A name may have several addresses, of which each is one.
    if (
      isRoundedToNone &&
      servers.every(({ address }) => address.kind === 'unix' || (address.kind === 'tcp' && isAddress(address.host)))
    )
      values.warn(
        upstreamKeys.ejection,
        `ejects nobody: ${ejection.share} % of ${servers.length === 1 ? 'one server' : `${servers.length} servers`} is none`,
      )
    values.warnUseless(
      servers.every(({ maxConns }) => maxConns === 0),
      upstreamKeys.queue,
      'without max-conns: no server is ever full',
    )
    if (name === null) return
    if (values.isGiven(upstreamKeys.keepalive)) this.#keptAlive.add(name)
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
  target(
    values: Values,
    match: Match | null,
    { proxy: { allowHosts, tls } }: LocationSettings,
    place: Place,
  ): LocationHandler {
    const words: ProxyWords | null = values.one(proxy)
    if (words === null) return { kind: 'none' }
    const { uri } = words
    this.#checkAllowed(values, words, allowHosts)
    // As in nginx: with variables it is all of the path that is sent, so no prefix is needed.
    const isWhole = words.isChosen || uri?.includes('$') === true
    const isPath = isWhole || match === null || match.kind === 'prefix' || match.kind === 'exact'
    if (uri !== null && !isPath)
      values.report(
        proxy,
        `must have no path here: a location with a ${match.kind === 'regex' ? 'regular expression' : 'name'} has no prefix that '${uri}' could replace`,
      )
    const prefix = match?.kind === 'prefix' || match?.kind === 'exact' ? match.path : '/'
    this.#usesTls ||= words.isTls
    this.#isAskedBy(words, words.isChosen ? allowHosts : [], tls)
    return {
      kind: 'proxy',
      upstream: words.isChosen ? this.#chosen(words, place) : this.#upstreamOf(words, place),
      destination: words.isChosen ? words.host : null,
      isTls: words.isTls,
      uri: isPath ? uri : null,
      prefix,
    }
  }

  /** The handler of a location with `fastcgi`, `scgi` or `uwsgi`. */
  script(values: Values, protocol: ServerProtocol, place: Place): LocationHandler {
    const key = scriptKeys[protocol]
    const words: Pick<ProxyWords, 'host' | 'address'> | null = values.one(key)
    if (words === null) return { kind: 'none' }
    const { host, address } = words
    const name = `${protocol}://${host}`
    if (address !== null) {
      if (!this.#single.has(name))
        this.#single.set(name, { ...single(host, address, place), name, protocol, keepalive: 0 })
      return { kind: protocol, upstream: name }
    }
    const group = this.#named.get(host)
    if (group === undefined) {
      values.report(key, `names ${host}, and there is no such [[upstream]]: a server has a port, as in ${host}:9000`)
      return { kind: 'none' }
    }
    this.#used.add(host)
    if (group.healthCheck !== null)
      values.warn(key, `names ${host}, whose health-check speaks HTTP: servers are not asked by ${protocol}`)
    // The group as servers of this protocol: its connections are its own. Most servers of FastCGI serve as many connections as they have processes.
    const keepalive = protocol === 'fastcgi' && this.#keptAlive.has(host) ? group.keepalive : 0
    this.#single.set(name, { ...group, name, protocol, keepalive, healthCheck: null })
    return { kind: protocol, upstream: name }
  }

  #checkAllowed(values: Values, { isChosen }: ProxyWords, allowed: readonly AllowedHost[]): void {
    const { proxyAllowHosts } = proxySettings
    if (!isChosen) {
      values.warnUseless(true, proxyAllowHosts, 'beside a proxy that names its server itself')
      return
    }
    if (allowed.length === 0 && !values.isGiven(proxyAllowHosts))
      values.report(
        proxy,
        'takes its server from the request, which would make an open proxy: name the servers that requests may choose in proxy-allow-hosts, as in ["*.internal.test:8000"]',
      )
  }

  /** How a location asks the servers of a group: its check asks in the same way. `tls`: of the location. */
  #isAskedBy({ host, isTls }: ProxyWords, allowed: readonly AllowedHost[], tls: number): void {
    const names = allowed.flatMap(one => (one.kind === 'upstream' ? [one.name] : []))
    for (const name of [host, ...names])
      if (!isTls) this.#askedPlainly.add(name)
      else if (!this.#askedByTls.has(name)) this.#askedByTls.set(name, tls)
  }

  /** Those that `proxy-allow-hosts` names. */
  #checkUpstreams(values: Values, allowed: readonly AllowedHost[]): void {
    for (const one of allowed) {
      if (one.kind !== 'upstream') continue
      if (!this.#named.has(one.name))
        values.report(
          proxySettings.proxyAllowHosts,
          `must have a port behind ${one.name}, as in ${one.name}:8000: there is no [[upstream]] of this name`,
        )
      this.#used.add(one.name)
    }
  }

  /** Stands for all servers that requests choose. */
  #chosen({ host, isTls }: ProxyWords, place: Place): string {
    const name = `${isTls ? 'https' : 'http'}://${host}`
    if (!this.#single.has(name)) this.#single.set(name, { ...single(name, addressOf(host, isTls), place), servers: [] })
    return name
  }

  #upstreamOf({ host, address, isTls }: ProxyWords, place: Place): string {
    if (address === null && this.#named.has(host)) {
      this.#used.add(host)
      return host
    }
    const name = address === null ? addressName(host, isTls) : host
    if (!this.#single.has(name)) this.#single.set(name, single(name, address ?? addressOf(host, isTls), place))
    return name
  }

  /** What a location says of passing requests on. `outer`: null at a site. */
  settings(values: Values, outer: LocationSettings | null): ProxySettings {
    const own = readProxySettings(values, outer)
    if (values.isGiven(proxySettings.proxyAllowHosts)) this.#checkUpstreams(values, own.allowHosts)
    return { ...own, tls: this.#tls.read(values, outer?.proxy.tls ?? null) }
  }

  /** By the numbers in the settings of locations. */
  get tls(): readonly UpstreamTls[] {
    return this.#usesTls ? this.#tls.all : []
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
    const used = [...this.#named.values()].filter(({ name }) => this.#used.has(name))
    return [...used.map(one => this.#withCheck(one, values)), ...this.#single.values()]
  }

  /** The check asks as locations do, which come after the group. */
  #withCheck(upstream: Upstream, values: Values): Upstream {
    const { name, healthCheck, place } = upstream
    const tls = this.#askedByTls.get(name)
    if (healthCheck === null || tls === undefined) return upstream
    if (this.#askedPlainly.has(name))
      values.warnings.push(
        `${formatPlace(place.file, place)}: the upstream ${name} is named by http:// and by https://: its health-check asks by TLS`,
      )
    return { ...upstream, healthCheck: { ...healthCheck, tls } }
  }
}

function addressName(host: string, isTls: boolean): string {
  const { port } = addressOf(host, isTls) as { readonly port: number }
  return `${host}:${port}`
}

/** One server that a location names itself. */
export function single(name: string, address: ServerAddress, place: Place): Upstream {
  const standard = (key: typeof upstreamKeys.keepalive) =>
    (key.kind.parse(key.default!) as { readonly value: number }).value
  return {
    name,
    protocol: 'http',
    servers: [singleServer(name, address)],
    balance: 'round-robin',
    hashKey: null,
    keepalive: standard(upstreamKeys.keepalive),
    keepaliveTimeout: standard(upstreamKeys.keepaliveTimeout),
    queue: null,
    ejection: null,
    sticky: null,
    healthCheck: null,
    queueTimeout: 0,
    isSingle: true,
    place,
  }
}

/** The nearest value as a whole. `outer`: null at a site. */
function readProxySettings(values: Values, outer: LocationSettings | null): Omit<ProxySettings, 'tls'> {
  const inherited = outer?.proxy
  const own = <Value>(setting: Setting, read: () => Value, before: Value | undefined): Value =>
    values.isGiven(setting) || before === undefined ? read() : before
  const keys = proxySettings
  return {
    allowHosts: own(keys.proxyAllowHosts, () => values.all(keys.proxyAllowHosts), inherited?.allowHosts),
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
    buffersRequest: own(
      keys.proxyRequestBuffering,
      () => values.one(keys.proxyRequestBuffering),
      inherited?.buffersRequest,
    ),
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

/** The nearest value as a whole. `outer`: null at a site. */
export function readParamSettings(values: Values, outer: LocationSettings | null): ParamSettings {
  const inherited = outer?.params
  const own = <Value>(setting: Setting<Value>, before: readonly Value[] | undefined): readonly Value[] =>
    values.isGiven(setting) || before === undefined ? values.all(setting) : before
  const { fastcgiParams, scgiParams, uwsgiParams, cgiParams, fastcgiIndex, splitPathInfo } = paramKeys
  return {
    params: {
      fastcgi: own(fastcgiParams, inherited?.params.fastcgi),
      scgi: own(scgiParams, inherited?.params.scgi),
      uwsgi: own(uwsgiParams, inherited?.params.uwsgi),
      cgi: own(cgiParams, inherited?.params.cgi),
    },
    fastcgiIndex: values.one(fastcgiIndex) ?? inherited?.fastcgiIndex ?? null,
    splitPathInfo: values.one(splitPathInfo) ?? inherited?.splitPathInfo ?? null,
  }
}

/** Settings of the location itself that nothing in it uses. */
export function warnOfUselessParams(values: Values, handler: LocationHandler['kind'], isWhole: boolean): void {
  const { fastcgiParams, scgiParams, uwsgiParams, cgiParams, fastcgiIndex, splitPathInfo } = paramKeys
  const of: Readonly<Record<ScriptProtocol, readonly Setting[]>> = {
    fastcgi: [fastcgiParams, fastcgiIndex, splitPathInfo],
    scgi: [scgiParams],
    uwsgi: [uwsgiParams],
    cgi: [cgiParams],
  }
  for (const [protocol, settings] of Object.entries(of))
    for (const setting of settings)
      values.warnUseless(isWhole && handler !== protocol, setting, `in a location without ${protocol}`)
}

/** Settings of the location itself that nothing in it uses. */
export function warnOfUselessProxy(values: Values, isUseless: boolean): void {
  for (const setting of Object.values(proxySettings))
    values.warnUseless(isUseless, setting, 'in a location without proxy, fastcgi, scgi, uwsgi or cgi')
}
