/**
 * The request that is explained, as the protocol would give it to the handlers, and the listener that it would come to. Pure.
 *
 * Not here: what the words may be (`words.ts`).
 */
import { bytesOf } from '../../base/bytes.ts'
import { hasTls } from '../../config/assemble-tls.ts'
import { formatBind, isFront, schemeOf } from '../../config/kinds/bind.ts'
import type { BindAddress, Config, ListenScheme } from '../../config/types.ts'
import { isAuthority, splitAuthority } from '../../http/authority.ts'
import { ProtocolError } from '../../http/errors.ts'
import type { LocalEnd, RequestHead } from '../../http/exchange.ts'
import { fieldsWith } from '../../http/headers.ts'
import { parseTarget, withoutRawBytes } from '../../http/target.ts'
import type { TlsFacts } from '../../http/tls-facts.ts'
import type { ExplainWords } from './words.ts'

export interface Asked {
  readonly request: RequestHead
  readonly local: LocalEnd
  /** As in `bind`. */
  readonly listener: string
  readonly listenerScheme: ListenScheme
  /** Of `bind`; 0: it has no port. */
  readonly listeners: readonly { readonly scheme: ListenScheme; readonly port: number }[]
  /** What is taken for granted, in sentences. */
  readonly remarks: readonly string[]
}

type Scheme = 'http' | 'https'
const USUAL: Readonly<Record<Scheme, number>> = { http: 80, https: 443 }

/** What a connection of today would have. */
const TLS: Omit<TlsFacts, 'serverName'> = {
  protocol: 'TLSv1.3',
  cipher: 'TLS_AES_256_GCM_SHA384',
  alpn: 'http/1.1',
  isResumed: false,
  policy: '',
  client: null,
}

/** `config.bind` has one address at least. */
export function makeRequest(
  words: ExplainWords,
  config: Pick<Config, 'bind' | 'tls'>,
): Asked | { readonly problem: string } {
  const url = readUrl(words)
  if ('problem' in url) return url
  const isTls = hasTls(config.tls)
  const { bind, hasPort } = chooseListener(config.bind, isTls, url.scheme, url.authority)
  const listenerScheme = schemeOf(bind, isTls)
  const isOfFront = isFront(listenerScheme)
  const scheme = url.scheme ?? (isOfFront ? 'http' : listenerScheme)
  const listener = formatBind(bind)
  const remarks: string[] = []
  const port = portOf(url.authority, scheme)
  if (url.authority !== '' && !hasPort)
    remarks.push(`no address of bind has the port ${port}: explained as a request to ${listener}`)
  if (isOfFront)
    remarks.push(`${listener} speaks ${listenerScheme}: explained as if the web server in front sent this request`)
  else if (scheme !== listenerScheme)
    remarks.push(
      `${listener} speaks ${listenerScheme}: explained as if a trusted proxy said that the client speaks ${scheme}`,
    )
  const all = words.headers.map((text, i) => bytesOf(i % 2 === 0 ? text.toLowerCase() : text))
  const given = fieldsWith(all, name => !name.includes('_'))
  const host = given.findLast((_, i) => i % 2 === 1 && given[i - 1] === 'host')
  if (host !== undefined && !isAuthority(host)) return { problem: `the header Host names no host: '${host}'` }
  const authority = host ?? (url.authority === '' ? listenerName(bind) : url.authority)
  const request: RequestHead = {
    method: words.method,
    target: url.target,
    path: url.path,
    query: url.query,
    scheme,
    authority,
    version: '1.1',
    headers: ['host', authority, ...given.filter((_, i) => given[i - (i % 2)] !== 'host')],
  }
  const { host: name } = splitAuthority(authority)
  const tls = listenerScheme === 'https' ? { ...TLS, serverName: /[^\d.]/.test(name) ? name : '' } : null
  const listeners = config.bind.map(one => ({
    scheme: schemeOf(one, isTls),
    port: one.kind === 'tcp' ? one.port : 0,
  }))
  return { request, local: { ...localEnd(bind, name, port), tls }, listener, listenerScheme, listeners, remarks }
}

function readUrl({ url, method }: ExplainWords):
  | {
      readonly scheme: Scheme | null
      readonly authority: string
      readonly target: string
      readonly path: string
      readonly query: string
    }
  | { readonly problem: string } {
  const [, scheme, rest = ''] = /^(?:([A-Za-z][A-Za-z0-9+.-]*):\/\/)?(.*)$/s.exec(url)!
  const lower = scheme?.toLowerCase()
  if (lower !== undefined && lower !== 'http' && lower !== 'https')
    return { problem: `the URL must begin with http:// or https://, or be a path such as /cart, not '${url}'` }
  // As a browser sends it: without its fragment, and blanks as escapes.
  const bytes = bytesOf(url.replace(/#.*$/s, ''))
  const sent = withoutRawBytes(bytes).replace(
    /[\x00-\x20\x7f]/g,
    one => `%${one.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
  const isPath = rest.startsWith('/') && lower === undefined
  try {
    const { path, query, authority } = parseTarget(
      method,
      isPath || sent === '*' ? sent : lower === undefined ? `http://${sent}` : sent,
    )
    const target = query === '' && !sent.endsWith('?') ? path : `${path}?${query}`
    return { scheme: lower ?? null, authority: authority ?? '', target, path, query }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error
    return { problem: `this URL cannot be asked for: ${error.message}` }
  }
}

/** The best one: by its port, its address, its scheme; else the first. */
function chooseListener(
  all: readonly BindAddress[],
  hasTls: boolean,
  scheme: Scheme | null,
  authority: string,
): { readonly bind: BindAddress; readonly hasPort: boolean } {
  const { host } = splitAuthority(authority)
  const address = host.replace(/^\[|\]$/g, '')
  const score = (bind: BindAddress): number => {
    const own = schemeOf(bind, hasTls)
    const sameScheme = scheme === null || scheme === own ? 1 : 0
    if (bind.kind !== 'tcp') return sameScheme
    const hasPort = bind.port === portOf(authority, scheme ?? (own === 'https' ? own : 'http'))
    return (hasPort ? 4 : 0) + (bind.host === address ? 2 : 0) + sameScheme
  }
  const bind = all.reduce((best, one) => (score(one) > score(best) ? one : best))
  return { bind, hasPort: bind.kind === 'tcp' && (bind.port === 0 || score(bind) >= 4) }
}

function portOf(authority: string, scheme: Scheme): number {
  const { port } = splitAuthority(authority)
  return port === '' ? USUAL[scheme] : Number(port)
}

function localEnd(bind: BindAddress, host: string, port: number): Omit<LocalEnd, 'tls'> {
  if (bind.kind === 'unix') return { address: bind.path, port: 0 }
  if (bind.kind === 'fd') return { address: '127.0.0.1', port }
  const isWide = bind.host === '0.0.0.0' || bind.host === '::'
  const isAddress = /^(?:[\d.]+|\[[^\]]*\])$/.test(host)
  const address = !isWide
    ? bind.host
    : isAddress
      ? host.replace(/^\[|\]$/g, '')
      : bind.host === '::'
        ? '::1'
        : '127.0.0.1'
  // Port 0 is chosen at the start.
  return { address: address === 'localhost' ? '127.0.0.1' : address, port: bind.port === 0 ? port : bind.port }
}

/** The host that a browser would name. */
function listenerName(bind: BindAddress): string {
  if (bind.kind !== 'tcp') return 'localhost'
  return formatBind({ ...bind, host: bind.host === '0.0.0.0' ? '127.0.0.1' : bind.host === '::' ? '::1' : bind.host })
}
