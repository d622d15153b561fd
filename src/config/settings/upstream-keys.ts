/** What a site or a location says of passing requests on. Defined as settings are (`site-keys.ts`), with nginx's names and hyphens. */
import { TOKEN } from '../../base/token.ts'
import type { AllowedHost, ForwardedForm, ProxyRedirect, TextReplacement } from '../../sites/upstream-model.ts'
import { parseAllowedHost } from '../kinds/allowed-host.ts'
import { count, duration, oneOf, onOrOff, text } from '../kinds/kinds.ts'
import { splitPair } from '../kinds/pair.ts'
import { parseCookieDomain, parseCookiePath, parseIgnored, parseRedirect } from '../kinds/proxy-words.ts'
import { NEXT_UPSTREAM, parseProxy } from '../kinds/upstream-words.ts'
import { input } from './setting.ts'
import { none, ofFile } from './site-kinds.ts'
import { upstreamTlsKeys } from './upstream-tls-keys.ts'

/** The proxy writes them itself, for each connection; and what smuggles must not come from a template. */
const NOT_SET =
  /^(?:connection|content-length|expect|keep-alive|proxy-connection|te|trailer|transfer-encoding|upgrade)$/i

const fieldName = text('name of a header field', written =>
  TOKEN.test(written) ? { value: written.toLowerCase() } : { problem: 'must be the name of a header field' },
)

/** In the place of an application or of files (`handlerKeys`). */
export const proxy = input({
  ...ofFile,
  ...none,
  name: 'proxy',
  placeholder: 'URL',
  kind: text(
    '`http://HOST:PORT`, `http://NAME` of an `[[upstream]]`, `http://unix:PATH`; with https:// by TLS; with a path or without; a server with variables needs `proxy-allow-hosts`',
    parseProxy,
  ),
  why: 'Requests stay on this machine unless somebody says otherwise.',
  doc: 'Server or [[upstream]] that requests are passed on to, as in http://127.0.0.1:9000.',
  more: 'Without a path the request goes on as it came, or as rewrites have left it. With one (`http://backend/v1/`) the path stands in the place of the prefix of the location; a location with a regular expression or a name has none to replace. WebSockets pass without further settings.',
})

/** What a location inherits: the nearest value as a whole. */
export const proxySettings = {
  proxyAllowHosts: input<AllowedHost>({
    ...ofFile,
    ...none,
    name: 'proxy-allow-hosts',
    placeholder: 'SERVER',
    kind: text(
      '`NAME:PORT`, `*.SUFFIX:PORT`, `ADDRESS:PORT`, a range of ports as in `8000-8099`, the name of an `[[upstream]]`',
      parseAllowedHost,
    ),
    why: 'A server that requests choose freely would make an open proxy.',
    doc: 'Servers that requests may choose, where proxy has a variable as its server (http://$host:8000); a list.',
    more: 'Anything else is 403, with a line in the log. `*.internal.test:8000` has all names below internal.test. A name that resolves to this machine or its own link (127.0.0.0/8, 169.254.0.0/16, ::1, fe80::/10) is refused unless that address is in the list, with its port. Names are resolved by DNS and /etc/hosts, again when their TTL is over.',
    repeatable: 'words',
  }),
  proxySetHeaders: input({
    ...ofFile,
    ...none,
    name: 'proxy-set-headers',
    placeholder: 'TABLE',
    kind: text(
      'table of texts, may have variables',
      written => {
        const [name, value] = splitPair(written)
        if (!TOKEN.test(name)) return { problem: 'must have names of header fields' }
        if (NOT_SET.test(name))
          return {
            problem: `must not have ${name}: it belongs to one connection, and is written by itself (WebSockets pass without it)`,
          }
        if (name.toLowerCase() === 'cdn-loop')
          return { problem: 'must not have CDN-Loop: it is written by itself, and ends requests that go in a circle' }
        return /[\0\r\n]/.test(value) ? { problem: 'must have one line as each value' } : { value: { name, value } }
      },
      { table: 'only' },
    ),
    why: 'The usual ones are sent by themselves.',
    doc: 'Header fields of the request to the upstream, as in { X-Tenant = "$host" }; an empty value sends none.',
    more: 'By itself each request has `Host` (as the client sent it), `X-Real-IP`, `X-Forwarded-For`, `X-Forwarded-Proto`, `X-Forwarded-Host` and `X-Request-ID`. They say what Jumak knows, and replace what the client has sent: only what `trusted-proxies` say is believed. A table replaces the table of the site as a whole, and of these fields only those that it names.',
    repeatable: 'words',
  }),
  proxyHideHeaders: input<string>({
    ...ofFile,
    ...none,
    name: 'proxy-hide-headers',
    placeholder: 'NAME',
    kind: fieldName,
    why: 'Date, Server, X-Pad and X-Accel-… are hidden anyway.',
    doc: 'Header fields of an upstream that clients do not get; a list.',
    repeatable: 'words',
  }),
  proxyPassHeaders: input<string>({
    ...ofFile,
    ...none,
    name: 'proxy-pass-headers',
    placeholder: 'NAME',
    kind: fieldName,
    why: 'What an upstream runs is nobody’s business.',
    doc: 'Header fields that clients get though they are hidden, as in Server; a list.',
    repeatable: 'words',
  }),
  proxyConnectTimeout: input<number>({
    ...ofFile,
    name: 'proxy-connect-timeout',
    placeholder: 'TIME',
    kind: duration(null),
    default: '10s',
    why: 'A server that is alive accepts within milliseconds; a packet may be lost twice.',
    doc: 'Time in which a server must accept a connection; else 504, or another server.',
  }),
  proxySendTimeout: input<number>({
    ...ofFile,
    name: 'proxy-send-timeout',
    placeholder: 'TIME',
    kind: duration(null),
    default: '60s',
    why: 'As in nginx.',
    doc: 'Time in which a server must take something of a request.',
  }),
  proxyReadTimeout: input<number>({
    ...ofFile,
    name: 'proxy-read-timeout',
    placeholder: 'TIME',
    kind: duration(null),
    default: '60s',
    why: 'As in nginx.',
    doc: 'Time for the whole head of a response, and between two reads of its content.',
    more: 'A WebSocket may be silent for longer: the system asks whether both ends are there.',
  }),
  proxyRedirect: input<ProxyRedirect | null>({
    ...ofFile,
    name: 'proxy-redirect',
    placeholder: 'RULE',
    kind: text('`default`, `off`, `FROM TO`, `~REGEX TO`, `~*REGEX TO`; may have variables', parseRedirect),
    default: 'default',
    why: 'A client cannot reach the server’s own address.',
    doc: 'What becomes of a Location of the upstream, and of a Refresh; a list, of which the first that fits counts.',
    more: '`default`: one that begins with the URL of `proxy` leads to the location of the site. `FROM TO`: the beginning FROM becomes TO, as in "http://internal:8000/ /". A regular expression that matches is replaced as a whole, and TO may have its groups: `$1`.',
    repeatable: 'words',
  }),
  proxyCookieDomain: input<TextReplacement | null>({
    ...ofFile,
    ...none,
    name: 'proxy-cookie-domain',
    placeholder: 'RULE',
    kind: text('`off`, `FROM TO`, `~REGEX TO`; may have variables', parseCookieDomain),
    why: 'An upstream that knows its own name writes it itself.',
    doc: 'What becomes of Domain in a Set-Cookie of the upstream, as in "internal.test $host"; a list.',
    repeatable: 'words',
  }),
  proxyCookiePath: input<TextReplacement | null>({
    ...ofFile,
    ...none,
    name: 'proxy-cookie-path',
    placeholder: 'RULE',
    kind: text('`off`, `FROM TO`, `~REGEX TO`, `~*REGEX TO`; may have variables', parseCookiePath),
    why: 'Most upstreams have the paths of the site.',
    doc: 'What becomes of Path in a Set-Cookie of the upstream, as in "/v1/ /api/"; a list.',
    more: 'Flags of cookies are those of `cookie-flags`.',
    repeatable: 'words',
  }),
  proxyIgnoreHeaders: input<string>({
    ...ofFile,
    ...none,
    name: 'proxy-ignore-headers',
    placeholder: 'NAME',
    kind: text('`X-Accel-Redirect`, `X-Accel-Limit-Rate`, `X-Accel-Charset`, `X-Accel-Buffering`', parseIgnored),
    why: 'Who answers for the site may also say how.',
    doc: 'Orders of an upstream that are not followed: for one that is not trusted; a list.',
    more: 'X-Accel-Expires, Expires, Cache-Control, Set-Cookie and Vary are possible too, and change nothing: no response is kept.',
    repeatable: 'words',
  }),
  proxyPassRequestHeaders: input<boolean>({
    ...ofFile,
    name: 'proxy-pass-request-headers',
    placeholder: '',
    kind: onOrOff('value'),
    default: 'on',
    why: 'A server wants to see the request.',
    doc: 'Fields of the client are passed on; else only those that Jumak and proxy-set-headers write.',
  }),
  proxyPassRequestBody: input<boolean>({
    ...ofFile,
    name: 'proxy-pass-request-body',
    placeholder: '',
    kind: onOrOff('value'),
    default: 'on',
    why: 'A server wants to see the request.',
    doc: 'Content of the client is passed on; else the request to the upstream has none.',
  }),
  proxyBuffering: input<boolean>({
    ...ofFile,
    name: 'proxy-buffering',
    placeholder: '',
    kind: onOrOff('value'),
    default: 'on',
    why: 'A server should not wait for slow clients.',
    doc: 'What a slow client does not take is kept, in memory and then in a file; off: the server sends at the speed of its client.',
    more: 'Content goes on as it comes in both cases, so streams and event streams need no `off`. An upstream may say it for one response: `X-Accel-Buffering: no`.',
  }),
  proxyForwarded: input<ForwardedForm>({
    ...ofFile,
    name: 'proxy-forwarded',
    placeholder: 'FORM',
    kind: oneOf(['x-forwarded', 'forwarded', 'both', 'off']),
    default: 'x-forwarded',
    why: 'Nearly all servers read these.',
    doc: 'How an upstream is told who the client is: X-Forwarded-… and X-Real-IP, Forwarded (RFC7239), both, or not at all.',
    more: 'What a client says in such fields of itself is never passed on.',
  }),
  proxyNextUpstream: input({
    ...ofFile,
    name: 'proxy-next-upstream',
    placeholder: 'WORD',
    kind: oneOf([...NEXT_UPSTREAM, 'off']),
    default: 'error,timeout',
    why: 'A server that cannot be reached has done nothing yet.',
    doc: 'What sends a request to another server of the group; a list, or off.',
    more: 'Only what is safe is sent again: nothing of it was sent, or its method is idempotent and it has no content; `non-idempotent` takes POST as well. At most 20 % of the requests of a group are sent again.',
    repeatable: 'commas',
  }),
  proxyNextUpstreamTries: input<number>({
    ...ofFile,
    name: 'proxy-next-upstream-tries',
    placeholder: 'N',
    kind: count(0, 1000),
    default: '0',
    defaultText: '0: each server of the group once',
    why: 'A group is small.',
    doc: 'Servers that a request may be sent to, the first one included.',
  }),
  proxyNextUpstreamTimeout: input<number>({
    ...ofFile,
    name: 'proxy-next-upstream-timeout',
    placeholder: 'TIME',
    kind: duration('no limit'),
    default: '0',
    defaultText: '0: none',
    why: 'The other time-outs bound each try.',
    doc: 'Time after which no other server is tried.',
  }),
  proxyRequestBuffering: input<boolean>({
    ...ofFile,
    name: 'proxy-request-buffering',
    placeholder: '',
    kind: onOrOff('value'),
    default: 'off',
    why: 'Content that goes on as it comes costs no memory, and no time.',
    doc: 'Whether the content of a request is read whole before a server is asked.',
    more: 'Then a slow client costs a server nothing, content that came in chunks has a length, and a PUT with content may go to another server. Up to 1 MiB is in memory, the rest in a temporary file.',
  }),
  ...upstreamTlsKeys,
}
