/** gunicorn's section "Server Mechanics", the part about proxies in front and about what requests may be. Pure. */
import { FORWARDED_HEADERS } from '../../base/forwarded-headers.ts'
import { withProxyProtocol, withScheme } from '../../config/kinds/bind.ts'
import { type AnyOption, refused, works } from '../option.ts'
import { dictionary, flag, list, oneOf, type Shape, text } from '../shapes.ts'
import type { Translation } from '../translation.ts'

const LOOPBACK = '127.0.0.1,::1'

/** The headers of gunicorn's default, and the value that means https in each. */
const SCHEME_HEADERS: Readonly<Record<string, string>> = {
  'x-forwarded-proto': 'https',
  'x-forwarded-ssl': 'on',
  'x-forwarded-protocol': 'ssl',
}

export const STANDARD_SCHEME_HEADERS: readonly string[] = Object.keys(SCHEME_HEADERS)

/** A proxy on a Unix socket is always believed there. */
export function trustedProxies(addresses: readonly string[]): readonly string[] {
  return addresses.includes('*') ? ['*'] : [...addresses, 'unix']
}

/** Each address gets what is spoken there, and who may speak it: the PROXY protocol in front of HTTP, or the protocol of uWSGI. */
export function speakProtocols(to: Translation, standardAddress: string): void {
  if (to.valueOf<string>('protocol') === 'uwsgi')
    speak(to, standardAddress, text => withScheme('uwsgi', text), 'params-from', 'uwsgi_allow_ips')
  else if ((to.valueOf<string>('proxy_protocol') ?? 'off') !== 'off')
    speak(to, standardAddress, withProxyProtocol, 'proxy-protocol-from', 'proxy_allow_ips')
}

function speak(
  to: Translation,
  standardAddress: string,
  withProtocol: (address: string) => string,
  setting: 'params-from' | 'proxy-protocol-from',
  allowedBy: string,
): void {
  const origin = { from: 'other', name: 'gunicorn' } as const
  const { JUMAK_BIND: own, PORT: port } = to.variables
  const standard = [{ text: own ?? (port ? `0.0.0.0:${port}` : standardAddress), origin }]
  const addresses = to.values.get('bind') ?? standard
  to.values.set(
    'bind',
    addresses.map(one => ({ ...one, text: withProtocol(one.text) })),
  )
  const allowed = to.valueOf<readonly string[]>(allowedBy) ?? LOOPBACK.split(',')
  to.values.set(
    setting,
    trustedProxies(allowed).map(text => ({ text, origin })),
  )
}

const VERSIONS = ['off', 'v1', 'v2', 'auto'] as const

/** The flag may stand alone, and old files have a boolean. */
const proxyProtocol: Shape<string> = {
  ...oneOf(...VERSIONS),
  takes: 'maybe',
  fromText: written => oneOf(...VERSIONS).fromText(written === '' ? 'auto' : written.toLowerCase()),
  fromFile: written =>
    typeof written === 'boolean' ? { value: written ? 'auto' : 'off' } : oneOf(...VERSIONS).fromFile(written),
}

const MEND = 'mend the client: such requests are how proxies and servers are set against each other'

const permits = (name: string, what: string, doc: string): AnyOption =>
  refused(
    name,
    { flags: [`--${name.replaceAll('_', '-')}`], shape: flag(), standard: 'False', doc },
    `would accept ${what}`,
    MEND,
  )

export const PROXIES: readonly AnyOption[] = [
  works(
    'secure_scheme_headers',
    {
      shape: dictionary(),
      standard: "{'X-FORWARDED-PROTOCOL': 'ssl', 'X-FORWARDED-PROTO': 'https', 'X-FORWARDED-SSL': 'on'}",
      doc: 'Headers of a proxy that say that the client speaks https, with the value that says so.',
    },
    '`--forwarded-headers`: X-Forwarded-Proto, X-Forwarded-Ssl, X-Forwarded-Protocol',
    schemeHeaders,
  ),
  works(
    'forwarded_allow_ips',
    {
      flags: ['--forwarded-allow-ips'],
      shape: list(','),
      standard: LOOPBACK,
      doc: 'Proxies that are believed: addresses, networks or *, with commas; also $FORWARDED_ALLOW_IPS.',
    },
    '`--trusted-proxies`; one on a Unix socket is always believed',
    (addresses, to) => to.set('trusted-proxies', ...trustedProxies(addresses)),
  ),
  works(
    'proxy_protocol',
    {
      flags: ['--proxy-protocol'],
      shape: proxyProtocol,
      standard: 'off',
      doc: 'The PROXY protocol, in front of each connection: off, v1, v2 or auto.',
    },
    '`proxy-protocol` behind each address of `--bind`, in both versions; a connection without the header is closed',
    // With the addresses, which may come later (`defaults.ts`).
    () => {},
  ),
  works(
    'proxy_allow_ips',
    {
      flags: ['--proxy-allow-from'],
      shape: list(','),
      standard: LOOPBACK,
      doc: 'Proxies that may use the PROXY protocol.',
    },
    '`--proxy-protocol-from`; one on a Unix socket may always',
    // As above: without the protocol nobody sends a header.
    () => {},
  ),
  works(
    'protocol',
    {
      flags: ['--protocol'],
      shape: oneOf('http', 'uwsgi'),
      standard: 'http',
      doc: 'What clients speak: http or uwsgi.',
    },
    '`uwsgi://` in front of each address of `--bind`',
    // As with proxy_protocol.
    () => {},
  ),
  works(
    'uwsgi_allow_ips',
    {
      flags: ['--uwsgi-allow-from'],
      shape: list(','),
      standard: LOOPBACK,
      doc: 'Proxies that may speak the protocol of uWSGI.',
    },
    '`--params-from`; one on a Unix socket may always',
    () => {},
  ),
  permits('permit_obsolete_folding', 'header fields over several lines', 'Accept header fields over several lines.'),
  permits(
    'strip_header_spaces',
    'blanks before the colon of a header field',
    'Accept blanks before the colon of a header field.',
  ),
  works(
    'permit_unconventional_http_method',
    {
      flags: ['--permit-unconventional-http-method'],
      shape: flag(),
      standard: 'False',
      doc: 'Accept methods in lower case or with other characters.',
    },
    'every token is a method (RFC9110§9.1), without it too',
    () => {},
  ),
  permits(
    'permit_unconventional_http_version',
    'other versions than HTTP/1.0 and 1.1',
    'Accept other versions than HTTP/1.0 and 1.1.',
  ),
  permits('casefold_http_method', 'methods in lower case as if they were in upper case', 'Make methods upper case.'),
  works(
    'forwarder_headers',
    {
      flags: ['--forwarder-headers'],
      shape: list(','),
      standard: 'SCRIPT_NAME,PATH_INFO',
      doc: 'Headers with an underscore that a proxy may set, with commas.',
    },
    'no header with an underscore is passed on; the path that a proxy has stripped is `X-Forwarded-Prefix`',
    (names, to) => {
      const more = names.filter(name => !['SCRIPT_NAME', 'PATH_INFO'].includes(name.toUpperCase()))
      if (more.length > 0)
        to.refuse(
          `would pass on ${more.join(', ')} of a proxy`,
          'let the proxy set a header with hyphens, as in X-Remote-User, and let the application read that',
        )
    },
  ),
  refused(
    'header_map',
    {
      flags: ['--header-map'],
      shape: oneOf('drop', 'refuse', 'dangerous'),
      standard: 'drop',
      doc: 'Headers with an underscore: drop, refuse or dangerous.',
    },
    'would refuse or pass on headers with an underscore',
    'leave it out: they are dropped, so nobody can pass one off as another',
  ),
  works(
    'root_path',
    { flags: ['--root-path'], shape: text(), standard: '', doc: 'Path of an ASGI application behind a proxy.' },
    '`--root-path`',
    (path, to) => {
      if (path !== '') to.set('root-path', path)
    },
  ),
]

function schemeHeaders(headers: Readonly<Record<string, unknown>>, to: Translation): void {
  const underscored = Object.keys(headers).filter(name => name.includes('_'))
  if (underscored.length > 0)
    to.tell(`names ${underscored.join(', ')}, and no proxy sends a header with an underscore: write it with hyphens`)
  const names = Object.keys(headers).map(name => name.toLowerCase())
  const entries = Object.entries(headers).filter(([name]) => !underscored.includes(name))
  const other = entries.find(([name, value]) => SCHEME_HEADERS[name.toLowerCase()] !== value)
  const ours = FORWARDED_HEADERS.filter(name => names.includes(name))
  if (other === undefined) to.set('forwarded-headers', ...(ours.length > 0 ? ours : ['none']))
  else
    to.refuse(
      `would take '${other[0]}: ${String(other[1])}' of a proxy for https`,
      'let the proxy set X-Forwarded-Proto to http or https',
    )
}
