/**
 * The variables that a server of FastCGI, SCGI or uwsgi, or a CGI program gets: the usual ones, as nginx's own files have them, and those of the configuration. Compiled
 * once for each location. Runs in the gateway; pure.
 *
 * Invariants: a client's header makes no name but its own `HTTP_…` (and CONTENT_TYPE), and none that stands here. A value has no NUL.
 * Not here: the bytes of a protocol (`upstream/protocols/`), headers as variables (`gateway/sites/script-request.ts`).
 */
import type { Location } from '../../sites/model.ts'
import type { ScriptProtocol } from '../../sites/upstream-model.ts'
import type { SiteCompiler } from './compiler.ts'
import { fileName } from './file-names.ts'
import { pathInfo, scriptName } from './script-names.ts'
import type { CompiledScript, Evaluate, SiteRequest } from './site-request.ts'

/** Left out when it is empty; the others are sent then, too. */
const IF_THERE: ReadonlySet<string> = new Set([
  'HTTPS',
  'REMOTE_USER',
  'AUTH_TYPE',
  'PATH_INFO',
  'PATH_TRANSLATED',
  'CONTENT_TYPE',
])
/** Of CGI. Empty means the same as not there (RFC3875§4.1), and a program sees less that it must not take for something. */
const IF_THERE_IN_CGI: ReadonlySet<string> = new Set([...IF_THERE, 'DOCUMENT_ROOT', 'SERVER_ADDR'])

const COMMON: readonly (readonly [string, string])[] = [
  ['QUERY_STRING', '$query_string'],
  ['REQUEST_METHOD', '$sent_method'],
  ['CONTENT_TYPE', '$content_type'],
  ['REQUEST_URI', '$request_uri'],
  ['DOCUMENT_ROOT', '$document_root'],
  ['SERVER_PROTOCOL', '$server_protocol'],
  ['REQUEST_SCHEME', '$scheme'],
  ['HTTPS', '$https'],
  ['REMOTE_ADDR', '$client_address'],
  ['REMOTE_PORT', '$remote_port'],
  ['REMOTE_USER', '$proved_user'],
  ['SERVER_PORT', '$own_port'],
  ['SERVER_NAME', '$own_name'],
]

/** `fastcgi.conf`, `scgi_params`, `uwsgi_params`. Of SCGI a server in Python needs the path, too. */
const USUAL: Readonly<Record<ScriptProtocol, readonly (readonly [string, string])[]>> = {
  fastcgi: [
    ...COMMON,
    ['SCRIPT_FILENAME', '$script_file'],
    ['SCRIPT_NAME', '$fastcgi_script_name'],
    ['PATH_INFO', '$fastcgi_path_info'],
    ['PATH_TRANSLATED', '$path_translated'],
    ['DOCUMENT_URI', '$document_uri'],
    ['GATEWAY_INTERFACE', 'CGI/1.1'],
    ['SERVER_SOFTWARE', 'jumak'],
    ['SERVER_ADDR', '$server_addr'],
    // PHP that was built to be run by a web server alone asks for it.
    ['REDIRECT_STATUS', '200'],
  ],
  scgi: [...COMMON, ['DOCUMENT_URI', '$document_uri'], ['SCRIPT_NAME', ''], ['PATH_INFO', '$document_uri']],
  uwsgi: [...COMMON, ['PATH_INFO', '$document_uri']],
  // The spawner finds the program, and adds to SCRIPT_NAME and PATH_INFO what that says (`python/jumak_worker/cgi/environment.py`).
  cgi: [
    ...COMMON,
    ['JUMAK_PROGRAM', '$cgi_program'],
    ['JUMAK_BELOW', '$below_program'],
    ['SCRIPT_NAME', '$program_prefix'],
    ['GATEWAY_INTERFACE', 'CGI/1.1'],
    ['SERVER_SOFTWARE', 'jumak'],
    ['SERVER_ADDR', '$server_addr'],
    // RFC3875§4.1.9: the address, where no name is known.
    ['REMOTE_HOST', '$client_address'],
    ['AUTH_TYPE', '$auth_type'],
  ],
}

/** What is not a variable for templates of the configuration. */
const OWN: ReadonlyMap<string, Evaluate> = new Map<string, Evaluate>([
  ['sent_method', r => r.exchange.request.method],
  ['client_address', r => r.exchange.peer.address],
  // Who has proved a password to us, not who a header says.
  ['proved_user', r => r.exchange.user],
  // Of a Unix socket, or behind a proxy, the port is that of the scheme.
  ['own_port', ({ exchange: { local, request } }) => String(local.port || (request.scheme === 'https' ? 443 : 80))],
  // The only one that we ask for.
  ['auth_type', r => (r.exchange.user === '' ? '' : 'Basic')],
  ['cgi_program', ({ location: { handler } }) => (handler.kind === 'cgi' ? handler.program : '')],
  ['program_prefix', r => (r.uri.startsWith(prefixOf(r)) ? prefixOf(r) : '')],
  ['below_program', r => (r.uri.startsWith(prefixOf(r)) ? r.uri.slice(prefixOf(r).length) : r.uri)],
  ['own_name', r => r.site.firstName || r.host],
  [
    'script_file',
    r => (r.location.alias === null ? (r.location.directory?.(r) ?? '') + scriptName(r) : fileName(r, r.uri)),
  ],
  [
    'path_translated',
    r => {
      const info = pathInfo(r)
      return info === '' ? '' : (r.location.directory?.(r) ?? '') + info
    },
  ],
])

/** What a directory of programs, or one program, stands for. */
function prefixOf({ location: { handler } }: SiteRequest): string {
  return handler.kind === 'cgi' ? handler.prefix : ''
}

/** Null: the location passes nothing on as variables. */
export function compileScript({ handler, settings }: Location, compiler: SiteCompiler): CompiledScript | null {
  if (handler.kind !== 'fastcgi' && handler.kind !== 'scgi' && handler.kind !== 'uwsgi' && handler.kind !== 'cgi')
    return null
  const { params, fastcgiIndex, splitPathInfo } = settings.params
  const set = params[handler.kind]
  const ifThere = handler.kind === 'cgi' ? IF_THERE_IN_CGI : IF_THERE
  const isSet = new Set(set.map(({ name }) => name))
  const pattern =
    splitPathInfo === null ? null : compiler.compiledPattern({ source: splitPathInfo, ignoresCase: false })
  return {
    protocol: handler.kind,
    upstream: handler.upstream,
    params: [
      ...USUAL[handler.kind]
        .filter(([name]) => !isSet.has(name))
        .map(([name, text]) => ({
          name,
          value: compiler.template(text, { own: OWN }),
          isAlways: !ifThere.has(name),
        })),
      ...set.map(({ name, value }) => ({ name, value: compiler.template(value), isAlways: false })),
    ],
    isNamedByPath: handler.kind === 'fastcgi' && !isSet.has('SCRIPT_FILENAME'),
    index: fastcgiIndex ?? '',
    split: pattern === null ? null : path => pattern.exec(path),
  }
}
