/** Settings of the addresses, and of the proxies that are believed there. */
import type { ForwardedHeader } from '../../base/forwarded-headers.ts'
import { parseBind, toAbsoluteBind } from '../kinds/bind.ts'
import { parseHealthPath } from '../kinds/forms.ts'
import { octal, text } from '../kinds/kinds.ts'
import {
  FORWARDED_NAMES,
  parseForwardedHeader,
  parseTrusted,
  parseTrustedOrFile,
  toAbsoluteFile,
} from '../kinds/trusted.ts'
import { input, plain } from './setting.ts'

const probePath = text<string | null>('path of URLs, as in `/-/ready`, or `off`', parseHealthPath, {
  literals: ['false'],
  json: { anyOf: [{ type: 'string' }, { const: false }] },
})

export const listening = {
  bind: input({
    name: 'bind',
    short: 'b',
    section: 'Listening',
    placeholder: 'ADDRESS',
    kind: text(
      'address: `HOST:PORT`, `:PORT`, `PORT`, `[IPv6]:PORT`, `unix:PATH`, `fd://N`, with `http://`, `https://`, `uwsgi://`, `fastcgi://` or `scgi://` in front or without, and `proxy-protocol` behind it or not',
      parseBind,
      {
        literals: ['integer'],
        json: { anyOf: [{ type: 'string' }, { type: 'integer', minimum: 0, maximum: 65_535 }] },
        absolute: toAbsoluteBind,
      },
    ),
    default: '127.0.0.1:8000',
    why: "gunicorn's and Django's own; open to this machine only until somebody asks for more.",
    doc: 'Where to listen: HOST:PORT, :PORT (all IPv4 addresses), PORT (this machine only), [::1]:PORT, unix:PATH or fd://N; repeatable.',
    more: 'With a certificate (`tls-cert`) addresses without a scheme speak TLS; `http://:80` does not. Port 0 takes a free one. `fd://3` is a listening socket that was inherited, as from systemd. `[::]:80` takes clients of IPv4 too, if it is alone; together with `:80`, or another IPv4 address of the same port, it takes those of IPv6 only. With `proxy-protocol` behind an address, as in `:443 proxy-protocol`, each connection begins with a header of the PROXY protocol, which says whose it is (`proxy-protocol-from`). With `uwsgi://`, `fastcgi://` or `scgi://` in front, as in `uwsgi://127.0.0.1:3031` or `uwsgi://unix:/run/app.sock`, a web server sends requests there by that protocol (`params-from`); it has no TLS and no WebSocket. If no address is given and `PORT` is set, as platforms do, the address is `0.0.0.0:$PORT`.',
    repeatable: 'commas',
    change: 'restart',
  }),
  unixMode: plain({
    name: 'unix-mode',
    section: 'Listening',
    placeholder: 'MODE',
    kind: octal(),
    default: '666',
    why: 'Anybody may connect, as to a TCP port. The permissions of the directory can limit that.',
    doc: 'Permissions of Unix sockets, octal.',
    change: 'restart',
  }),
  trustedProxies: input({
    name: 'trusted-proxies',
    section: 'Listening',
    placeholder: 'ADDRESS',
    kind: text(
      'IP address, range (`10.0.0.0/8`), `loopback`, `unix`, `none`, `file:PATH`, or `*`',
      parseTrustedOrFile,
      {
        absolute: toAbsoluteFile,
      },
    ),
    default: 'loopback,unix',
    why: 'A proxy on the same machine is believed; any other must be named.',
    doc: 'Proxies to believe: addresses, ranges, loopback, unix, none, file:PATH, *; repeatable.',
    more: 'What they say in `forwarded-headers` becomes the client address and the scheme that the application sees. `*` believes everyone: any client that can connect may then claim any address and https. Use it only where nobody but the proxy can connect. `file:cloudflare.txt` has an address or a range a line, and comments behind `#`; it is read again at HUP (`jumak reload`), and what is in force stays if it is wrong then.',
    repeatable: 'commas',
    change: 'live',
  }),
  proxyProtocolFrom: input({
    name: 'proxy-protocol-from',
    section: 'Listening',
    placeholder: 'ADDRESS',
    kind: text('IP address, range (`10.0.0.0/8`), `loopback`, `unix`, or `*`', parseTrusted),
    default: null,
    defaultText: 'nobody',
    why: 'Whoever may send the header may claim any address, so the balancers must be named.',
    doc: 'Balancers that send a header of the PROXY protocol: addresses, ranges, loopback, unix, *; repeatable.',
    more: 'For addresses with `proxy-protocol` behind them (`bind`); without this list they stop the start. Versions 1 and 2 are read. The header must be there: a connection without a right one, or of somebody else, is closed with a line in the log. The address of the client is then that of the header for everything: rules, limits, logs, and `trusted-proxies`, of which it may be one. The address of the server stays ours, and nothing but addresses is taken from the header. With LOCAL (a health check) and UNKNOWN the client is the balancer. `limit-connections-per-address` counts clients by the header, and no connections of these balancers. `*` lets any client that can connect claim any address.',
    repeatable: 'commas',
    change: 'restart',
  }),
  paramsFrom: input({
    name: 'params-from',
    section: 'Listening',
    placeholder: 'ADDRESS',
    kind: text('IP address, range (`10.0.0.0/8`), `loopback`, `unix`, or `*`', parseTrusted),
    default: 'loopback,unix',
    why: 'A web server on the same machine is believed; any other must be named.',
    doc: 'Web servers that may speak uwsgi, FastCGI, SCGI to us; repeatable.',
    more: 'For addresses with `uwsgi://`, `fastcgi://` or `scgi://` in front (`bind`). Whoever is here says whose a request is (REMOTE_ADDR, REMOTE_USER, HTTPS, SSL_CLIENT_…), and may claim anything. A connection of anybody else is closed with a line in the log. Who may connect to a Unix socket is decided by its permissions (`unix-mode`, its directory). The client is then that of REMOTE_ADDR for everything: rules, limits, logs, and `trusted-proxies`. `*` lets any client that can connect claim any address and user.',
    repeatable: 'commas',
    change: 'restart',
  }),
  forwardedHeaders: input<readonly ForwardedHeader[]>({
    name: 'forwarded-headers',
    section: 'Listening',
    placeholder: 'HEADER',
    kind: text(`${FORWARDED_NAMES.map(name => `\`${name}\``).join(', ')}, or \`none\``, parseForwardedHeader),
    default: 'X-Forwarded-For,X-Forwarded-Proto',
    defaultText: 'X-Forwarded-For, -Proto',
    why: 'Nearly every proxy sets these two, and passes on the others as the client sent them.',
    doc: 'Headers of trusted proxies that are believed; repeatable.',
    more: 'Name exactly the headers that your proxy sets on every request: a client can set all others. The list replaces the default, and counts only for `trusted-proxies`. `X-Forwarded-For` is the client address, `-Proto` the scheme (`wss` and `ws` are `https` and `http`), `-Host` the host, `-Port` its port, `-Prefix` the path that the proxy has stripped (it replaces `root-path`). `X-Forwarded-Ssl` (`on`, `off`) and `X-Forwarded-Protocol` (`ssl`, `https`, `http`) are older names for the scheme; where two of the three contradict each other, the answer is 400. Name `Forwarded` (RFC 7239) alone: a proxy that sets it passes on `X-Forwarded-*` of the client. Jumak removes no header: an application that reads other headers by itself (`ProxyFix` of Werkzeug, `USE_X_FORWARDED_HOST` of Django) gets them as the proxy sent them.',
    repeatable: 'commas',
    change: 'restart',
  }),
  health: {
    live: plain({
      name: 'health-path',
      section: 'Listening',
      placeholder: 'PATH',
      kind: probePath,
      default: 'off',
      why: 'Every path belongs to the application until somebody says otherwise.',
      doc: 'Path of the liveness probe, answered without the application.',
      more: 'The gateway itself answers 200, also while every worker is busy and while the program stops. It compares the path byte by byte, as the client sent it. Other methods than GET and HEAD are 405. Probes are not written to the access log.',
      change: 'restart',
    }),
    ready: plain({
      name: 'ready-path',
      section: 'Listening',
      placeholder: 'PATH',
      kind: probePath,
      default: 'off',
      why: 'Every path belongs to the application until somebody says otherwise.',
      doc: 'Path of the readiness probe: 200, or 503 with its reason.',
      more: 'It is not ready before a worker can serve, and while the program stops. A full queue does not count: the load balancer would take the machine away from the load that it still carries. All else is as with `health-path`; the two paths must differ. Where there are several applications, this path with the name of one behind it, as in `/-/ready/shop`, is for that one; this path alone is ready when all are.',
      change: 'restart',
    }),
  },
}
