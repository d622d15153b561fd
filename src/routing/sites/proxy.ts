/**
 * What `proxy` and its settings mean for one request: the path and query that the upstream gets, and the fields that the configuration sets.
 * Compiled once for each location. Runs in the gateway, and in `jumak explain`; pure.
 *
 * Not here: the connection, and fields that every proxied request has (`gateway/sites/proxied.ts`).
 */
import { percentEncoded } from '../../http/path.ts'
import type { Location } from '../../sites/model.ts'
import type { SiteCompiler } from './compiler.ts'
import { compileAllowedHosts } from './destination.ts'
import { encodedQuery } from './normal-path.ts'
import { compileCookies, compileRedirects } from './proxy-rewrites.ts'
import type { CompiledProxy, SiteRequest } from './site-request.ts'

/** Null: the location passes nothing on. */
export function compileProxy({ handler, settings }: Location, compiler: SiteCompiler): CompiledProxy | null {
  if (handler.kind !== 'proxy') return null
  const uri = handler.uri === null ? null : compiler.compiledTemplate(handler.uri, { escapesGroups: true })
  const usual = handler.isTls ? '443' : '80'
  const text = handler.destination === null ? null : compiler.template(handler.destination)
  const constant = hostAndPort(handler.upstream, usual)
  return {
    upstream: handler.upstream,
    destination:
      text === null
        ? null
        : { text, usualPort: Number(usual), allowed: compileAllowedHosts(settings.proxy.allowHosts) },
    isTls: handler.isTls,
    uri: uri === null ? null : { text: uri.evaluate, isWhole: text !== null || uri.constant === null },
    named: text === null ? () => constant : request => hostAndPort(text(request), usual),
    prefix: handler.prefix,
    setHeaders: settings.proxy.setHeaders.map(({ name, value }) => ({ name, value: compiler.template(value) })),
    rewriteLocation: compileRedirects(settings.proxy.redirects, handler, compiler),
    rewriteCookie: compileCookies(settings.proxy.cookieDomains, settings.proxy.cookiePaths, compiler),
  }
}

/** As nginx has them in `$proxy_host` and `$proxy_port`. */
function hostAndPort(upstream: string, usual: string): ReturnType<CompiledProxy['named']> {
  if (upstream.startsWith('unix:')) return { host: 'localhost', port: '' }
  const port = /:(\d+)$/.exec(upstream)?.[1] ?? usual
  return {
    host: port === usual && upstream.endsWith(`:${usual}`) ? upstream.slice(0, -usual.length - 1) : upstream,
    port,
  }
}

/** What a path must not have on the wire: as `ngx_escape_uri` has it for a URI. */
const NOT_IN_PATH = /[\x00-\x20"#%<>?\\^`{|}\x7f-\xff]/g
/** The same for a text that may have escapes and a query already. */
const NOT_IN_TARGET = /[\x00-\x20"#<>\\^`{|}\x7f-\xff]/g

/**
 * Path and query for the upstream, as nginx makes them. Without a path of its own the target goes on as the client sent it, escapes and dot
 * segments included; after a rewrite or an internal redirect it is the new path, escaped. With one, that stands for the prefix of the
 * location, unless a rewrite has changed the path within it.
 */
export function proxyTarget({ uri, prefix }: CompiledProxy, request: SiteRequest): string {
  const { exchange, isRewritten, isMoved } = request
  if (uri?.isWhole) return uri.text(request).replace(NOT_IN_TARGET, percentEncoded)
  const sent = exchange.request
  // Whole, with a question mark that nothing follows. An absolute target is one for a proxy (RFC9112§3.2.2).
  if (uri === null && !isRewritten) return sent.target.startsWith('/') ? sent.target : withQuery(sent.path, sent.query)
  const args = isRewritten ? encodedQuery(request.args) : sent.query
  const own = uri === null || isMoved ? '' : uri.text(request).replace(NOT_IN_TARGET, percentEncoded)
  const rest = uri === null || isMoved ? request.uri : request.uri.slice(prefix.length)
  return withQuery(own + rest.replace(NOT_IN_PATH, percentEncoded), args)
}

function withQuery(path: string, query: string): string {
  return query === '' ? path : `${path}?${query}`
}
