/** Locations with `proxy` at random, in the notation of nginx and of Jumak, and requests for them. From a seed: the same each time. */

import { Random } from '../fuzz/random.ts'

export interface ProxyCase {
  readonly path: string
  readonly nginx: string
  readonly jumak: string
  readonly targets: readonly string[]
}

type Option = readonly [nginx: string, jumak: string]
const NONE: Option = ['', '']

/** Of a location with a prefix. */
const URIS = ['', '/', '/v1/', '/v1', '/x?from=$arg_q', '$request_uri', '/a$uri'] as const
const REWRITES: readonly Option[] = [
  NONE,
  NONE,
  NONE,
  ['rewrite a(.*)$ /new/$1 break;', ', rewrites = [{ from = "a(.*)$", to = "/new/$1", flag = "break" }]'],
  ['set $args "a=b";', ', rewrites = [{ set = { args = "a=b" } }]'],
]
const SETS: readonly Option[] = [
  NONE,
  ['proxy_set_header X-Own "$host $uri";', 'X-Own = "$host $uri"'],
  ['proxy_set_header Cookie "";', 'Cookie = ""'],
  ['proxy_set_header X-To $proxy_host:$proxy_port;', 'X-To = "$proxy_host:$proxy_port"'],
  ['proxy_set_header X-Chain $proxy_add_x_forwarded_for;', 'X-Chain = "$proxy_add_x_forwarded_for"'],
]
const REDIRECTS: readonly Option[] = [
  NONE,
  ['proxy_redirect off;', ', proxy-redirect = "off"'],
  ['proxy_redirect http://other.test/ /o/;', ', proxy-redirect = "http://other.test/ /o/"'],
  ['proxy_redirect ~^http://([^/]+)/(.*)$ /r/$1/$2;', ', proxy-redirect = "~^http://([^/]+)/(.*)$ /r/$1/$2"'],
]
const COOKIES: readonly Option[] = [
  NONE,
  ['proxy_cookie_path / /deep/;', ', proxy-cookie-path = "/ /deep/"'],
  ['proxy_cookie_path ~^/v1/(.*)$ /$1;', ', proxy-cookie-path = "~^/v1/(.*)$ /$1"'],
  ['proxy_cookie_domain back.test $host;', ', proxy-cookie-domain = "back.test $host"'],
]
const FIELDS: readonly Option[] = [
  NONE,
  ['proxy_hide_header X-Powered-By;', ', proxy-hide-headers = "X-Powered-By"'],
  ['proxy_pass_header X-Pad;', ', proxy-pass-headers = "X-Pad"'],
  ['proxy_ignore_headers X-Accel-Redirect;', ', proxy-ignore-headers = "X-Accel-Redirect"'],
  ['proxy_pass_request_headers off;', ', proxy-pass-request-headers = false'],
]
const ERRORS: readonly Option[] = [
  NONE,
  ['proxy_intercept_errors on; error_page 404 = /page;', ', intercept-errors = true, error-page = ["404 = /page"]'],
  ['proxy_next_upstream error http_503;', ', proxy-next-upstream = ["error", "http-503"]'],
]
const RESTS = ['', 'a', 'a?q=1&r=%20', 'a%20b', 'a%2Fb?q=%2F', 'a/./b/../c', 'a%25b', 'a%3Fb?x=y', "b'(c)*!,", '%C3%A9']
const ANSWERS = ['location', 'location-other', 'refresh', 'cookies', 'fields', 'accel', 'gone', 'busy']

export function generate(seed: number, index: number): ProxyCase {
  const random = new Random(seed * 1_000_003 + index)
  const one = <Value>(values: readonly Value[]) => random.pick(values)
  const path = `/c${index}/`
  const uri = one(URIS)
  const sets = one(SETS)
  const options = [one(REWRITES), one(REDIRECTS), one(COOKIES), one(FIELDS), one(ERRORS)]
  const own = 'proxy_set_header Host $http_host; proxy_set_header Connection "";'
  const targets = [
    ...Array.from({ length: 4 }, () => one(RESTS)),
    ...Array.from({ length: 4 }, () => `answer-${one(ANSWERS)}`),
  ]
  return {
    path,
    nginx: `location ${path} { ${own} ${sets[0]} ${options.map(([nginx]) => nginx).join(' ')} proxy_pass http://back${uri}; }`,
    jumak: `{ match = "${path}", proxy = "http://back${uri}"${sets[1] === '' ? '' : `, proxy-set-headers = { ${sets[1]} }`}${options.map(([, jumak]) => jumak).join('')} }`,
    targets: targets.map(rest => path + rest),
  }
}
