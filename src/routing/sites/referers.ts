/** Which pages may lead to a location (`valid_referers`), by the field Referer, which a browser sends and anybody can make up. Pure. */
import type { ValidReferers } from '../../sites/model.ts'

/** `referer`: undefined: the request has none. `matches`: a regular expression has the URL without its scheme. */
export function isValidReferer(
  { none, blocked, hosts }: Omit<ValidReferers, 'patterns'>,
  referer: string | undefined,
  matches: (url: string) => boolean,
): boolean {
  if (referer === undefined) return none
  const [, url] = /^https?:\/\/(.{4,})$/is.exec(referer) ?? []
  if (url === undefined) return blocked
  const end = url.search(/[/:]/)
  const host = (end < 0 ? url : url.slice(0, end)).toLowerCase()
  const slash = url.indexOf('/')
  const path = slash < 0 ? '' : url.slice(slash)
  return hosts.some(one => isHost(host, one) && path.startsWith(one.path)) || matches(url)
}

function isHost(host: string, { kind, name }: ValidReferers['hosts'][number]): boolean {
  switch (kind) {
    case 'exact':
      return host === name
    case 'suffix':
      return host.length > name.length && host.endsWith(name)
    case 'prefix':
      return host.length > name.length && host.startsWith(name)
  }
}
