/** Locations with `fastcgi`, `scgi` or `uwsgi` at random, in the notation of nginx and of Jumak, and requests for them. From a seed. */
import { Random } from '../fuzz/random.ts'
import type { Protocol } from './script-server.ts'

export interface ScriptCase {
  readonly nginx: string
  readonly jumak: string
  readonly targets: readonly string[]
}

type Option = readonly [nginx: string, jumak: string]
const NONE: Option = ['', '']

/** What nginx's own files name; Jumak sends it by itself. */
const COMMON = [
  'QUERY_STRING $query_string',
  'REQUEST_METHOD $request_method',
  'CONTENT_TYPE $content_type if_not_empty',
  'REQUEST_URI $request_uri',
  'DOCUMENT_ROOT $document_root',
  'SERVER_PROTOCOL $server_protocol',
  'REQUEST_SCHEME $scheme',
  'REMOTE_ADDR $remote_addr',
  'SERVER_NAME shop.test',
]
const USUAL: Readonly<Record<Protocol, readonly string[]>> = {
  fastcgi: [
    ...COMMON,
    'CONTENT_LENGTH $content_length if_not_empty',
    'SCRIPT_FILENAME $document_root$fastcgi_script_name',
    'SCRIPT_NAME $fastcgi_script_name',
    'PATH_INFO $fastcgi_path_info if_not_empty',
    'DOCUMENT_URI $document_uri',
    'GATEWAY_INTERFACE CGI/1.1',
    'SERVER_ADDR $server_addr',
    'REDIRECT_STATUS 200',
  ],
  scgi: [...COMMON, 'SCGI 1', 'DOCUMENT_URI $document_uri', 'SCRIPT_NAME ""', 'PATH_INFO $document_uri'],
  uwsgi: [...COMMON, 'CONTENT_LENGTH $content_length if_not_empty', 'PATH_INFO $document_uri'],
}
const REWRITES: readonly Option[] = [
  NONE,
  NONE,
  [
    'rewrite a(.*)$ /new.php/x$1?x=1 break;',
    ', rewrites = [{ from = "a(.*)$", to = "/new.php/x$1?x=1", flag = "break" }]',
  ],
  ['set $args "a=b";', ', rewrites = [{ set = { args = "a=b" } }]'],
]
/** `PROTOCOL`: its name. */
const PARAMS: readonly Option[] = [
  NONE,
  ['PROTOCOL_param APP_ENV "$host $uri";', 'APP_ENV = "$host $uri"'],
  ['PROTOCOL_param HTTP_COOKIE "";', 'HTTP_COOKIE = ""'],
  ['PROTOCOL_param HTTP_X_OWN $scheme:$http_host if_not_empty;', 'HTTP_X_OWN = "$scheme:$http_host"'],
  ['PROTOCOL_param A_MAYBE $arg_q if_not_empty;', 'A_MAYBE = "$arg_q"'],
]
const SPLITS: readonly Option[] = [
  NONE,
  ['fastcgi_index index.php;', ', fastcgi-index = "index.php"'],
  ['fastcgi_split_path_info ^(.+\\.php)(/.*)$;', `, fastcgi-split-path-info = '^(.+\\.php)(/.*)$'`],
  ['fastcgi_split_path_info ^(.+?\\.php)(.*)$;', `, fastcgi-split-path-info = '^(.+?\\.php)(.*)$'`],
]
const FIELDS: readonly Option[] = [
  NONE,
  ['PROTOCOL_hide_header X-Powered-By;', ', proxy-hide-headers = "X-Powered-By"'],
  ['PROTOCOL_ignore_headers X-Accel-Redirect;', ', proxy-ignore-headers = "X-Accel-Redirect"'],
  ['PROTOCOL_pass_request_headers off;', ', proxy-pass-request-headers = false'],
]
/** nginx tells SCGI and uwsgi the length of what it does not send. */
const NO_CONTENT: Option = ['fastcgi_pass_request_body off;', ', proxy-pass-request-body = false']
const ERRORS: readonly Option[] = [
  NONE,
  ['PROTOCOL_intercept_errors on; error_page 404 = /page;', ', intercept-errors = true, error-page = ["404 = /page"]'],
  ['PROTOCOL_next_upstream error http_503;', ', proxy-next-upstream = ["error", "http-503"]'],
]
const RESTS = [
  '',
  'a.php',
  'a.php/more/x?q=1',
  'b.php/c.php/d',
  'a%20b.php?q=%20&r',
  'a/./b/../c.php',
  'a%25b',
  '%C3%A9.php/%C3%A9',
]

/** What scripts say, by a word of the target. */
export const TOLD: Readonly<Record<string, string>> = {
  status: 'Status: 404 Gone Away\r\nContent-Type: text/plain\r\nX-Own: 1\r\n\r\nits words',
  busy: 'Status: 503 Busy\r\nRetry-After: 3\r\nContent-Type: text/plain\r\n\r\nlater',
  location: 'Location: http://other.test/x\r\n\r\n',
  'location-status': 'Status: 301 Moved\r\nLocation: /v1/next\r\n\r\n',
  cookies: 'Content-Type: text/plain\r\nSet-Cookie: a=1; Path=/\r\nSet-Cookie: b=2\r\n\r\nx',
  fields: 'X-Powered-By: p\r\nX-More: x\r\nContent-Type: text/plain\r\nVary: Cookie\r\n\r\nx',
  accel: 'X-Accel-Redirect: /page\r\nX-Other: 1\r\n\r\n',
  feeds: 'Content-Type: text/plain\nX-Own: 1\n\nonly line feeds',
  length: 'Content-Type: text/plain\r\nContent-Length: 5\r\n\r\nfive!',
  empty: 'Content-Type: text/plain\r\n\r\n',
  typeless: 'X-Own: 1\r\n\r\nno type',
  'bad-status': 'Status: abc\r\nContent-Type: text/plain\r\n\r\nx',
  nothing: '',
}

export function generateScript(seed: number, index: number): ScriptCase & { readonly protocol: Protocol } {
  const random = new Random(seed * 1_000_003 + index)
  const one = <Value>(values: readonly Value[]) => random.pick(values)
  const protocol = (['fastcgi', 'scgi', 'uwsgi'] as const)[index % 3]!
  const path = `/s${index}/`
  const params = [...new Set([one(PARAMS), one(PARAMS)])]
  const split = protocol === 'fastcgi' ? one(SPLITS) : NONE
  const contentless = protocol === 'fastcgi' && random.below(5) === 0
  const options = [one(REWRITES), split, one(FIELDS), one(ERRORS), contentless ? NO_CONTENT : NONE]
  const nginx = [...params, ...options].map(([text]) => text.replaceAll('PROTOCOL', protocol)).join(' ')
  const set = params.map(([, text]) => text).filter(text => text !== '')
  const usual = USUAL[protocol]
    .filter(line => !contentless || !line.startsWith('CONTENT_LENGTH '))
    .map(line => `${protocol}_param ${line};`)
    .join(' ')
  const targets = [
    ...Array.from({ length: 4 }, () => one(RESTS)),
    ...Array.from({ length: 4 }, () => `answer-${one(Object.keys(TOLD))}`),
  ]
  return {
    protocol,
    nginx: `location ${path} { ${usual} ${nginx} ${protocol}_pass ${protocol}_back; }`,
    jumak: `{ match = "${path}", ${protocol} = "${protocol}_back"${set.length === 0 ? '' : `, ${protocol}-params = { ${set.join(', ')} }`}${options.map(([, text]) => text).join('')} }`,
    targets: targets.map(rest => path + rest),
  }
}
