/**
 * What becomes of a Location, a Refresh and the cookies of an upstream: `proxy_redirect`, `proxy_cookie_domain`, `proxy_cookie_path`. Compiled
 * once for each location. Runs in the gateway, for each response that has such a field; pure.
 */
import type { LocationHandler } from '../../sites/model.ts'
import type { ProxyRedirect, TextReplacement } from '../../sites/upstream-model.ts'
import type { SiteCompiler } from './compiler.ts'
import type { CompiledProxy, Rewrite, SiteRequest } from './site-request.ts'

type ProxyHandler = Extract<LocationHandler, { readonly kind: 'proxy' }>

/** The new text; null: this rule says nothing about it. */
type Rule = (request: SiteRequest, text: string) => string | null

/** Null: nothing is changed. */
export function compileRedirects(
  redirects: readonly ProxyRedirect[],
  { upstream, destination, isTls, uri, prefix }: ProxyHandler,
  compiler: SiteCompiler,
): CompiledProxy['rewriteLocation'] {
  const rules = redirects.flatMap((redirect): Rule[] => {
    if (redirect.kind !== 'default') return [replacement(redirect, compiler, 'beginning')]
    const scheme = isTls ? 'https' : 'http'
    if (destination !== null) {
      if (uri !== null) return []
      const text = compiler.template(destination)
      return [
        (request, url) => {
          const own = `${scheme}://${text(request)}/`
          return url.startsWith(own) ? url.slice(own.length - 1) : null
        },
      ]
    }
    // A URI with variables has no beginning that could be compared.
    if (uri !== null && compiler.compiledTemplate(uri).constant === null) return []
    const own = `${scheme}://${upstream}${uri ?? '/'}`
    const to = uri === null ? '/' : prefix
    return [(_, url) => (url.startsWith(own) ? to + url.slice(own.length) : null)]
  })
  return firstOf(rules)
}

/** Null: cookies stay. */
export function compileCookies(
  domains: readonly TextReplacement[],
  paths: readonly TextReplacement[],
  compiler: SiteCompiler,
): CompiledProxy['rewriteCookie'] {
  const domain = firstOf(domains.map(one => replacement(one, compiler, 'domain')))
  const path = firstOf(paths.map(one => replacement(one, compiler, 'beginning')))
  if (domain === null && path === null) return null
  return (request, cookie) => {
    const [pair = '', ...attributes] = cookie.split(';')
    return [pair, ...attributes.map(one => changed(request, one, domain, path))].join(';')
  }
}

/** `attribute`: ` Path=/two/x` */
function changed(request: SiteRequest, attribute: string, domain: Rewrite | null, path: Rewrite | null): string {
  const equal = attribute.indexOf('=')
  if (equal < 0) return attribute
  const name = attribute.slice(0, equal).trim().toLowerCase()
  const rewrite = name === 'domain' ? domain : name === 'path' ? path : null
  if (rewrite === null) return attribute
  const value = attribute.slice(equal + 1).trimStart()
  return attribute.slice(0, attribute.length - value.length) + rewrite(request, value)
}

/** Null: there are none. */
function firstOf(rules: readonly Rule[]): Rewrite | null {
  if (rules.length === 0) return null
  return (request, text) => {
    for (const rule of rules) {
      const made = rule(request, text)
      if (made !== null) return made
    }
    return text
  }
}

/** A text takes the place of the beginning, or of a whole domain; a regular expression that of everything. */
function replacement(one: TextReplacement, compiler: SiteCompiler, what: 'beginning' | 'domain'): Rule {
  const matches = one.kind === 'regex' ? compiler.pattern(one.pattern) : null
  const to = compiler.template(one.to)
  if (one.kind === 'regex') return (request, text) => (matches!(request, text) ? to(request) : null)
  const from = compiler.template(one.from)
  if (what === 'beginning')
    return (request, text) => {
      const own = from(request)
      return text.startsWith(own) ? to(request) + text.slice(own.length) : null
    }
  return (request, text) => {
    const dot = text.startsWith('.') ? '.' : ''
    return text.slice(dot.length).toLowerCase() === from(request).toLowerCase() ? dot + to(request) : null
  }
}
