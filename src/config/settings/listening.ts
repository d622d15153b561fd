/** Settings of the addresses, and of whom they believe. */
import type { ForwardedHeader } from '../../base/forwarded-headers.ts'
import { parseBind, toAbsoluteBind } from '../kinds/bind.ts'
import { parseHealthPath } from '../kinds/forms.ts'
import { octal, text } from '../kinds/kinds.ts'
import { FORWARDED_NAMES, parseForwardedHeader, parseTrusted } from '../kinds/trusted.ts'
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
    kind: text('address: `HOST:PORT`, `:PORT`, `PORT`, `[IPv6]:PORT`, `unix:PATH`, `fd://N`', parseBind, {
      literals: ['integer'],
      json: { anyOf: [{ type: 'string' }, { type: 'integer', minimum: 0, maximum: 65_535 }] },
      absolute: toAbsoluteBind,
    }),
    default: '127.0.0.1:8000',
    why: "gunicorn's and Django's own; open to this machine only until somebody asks for more.",
    doc: 'Where to listen: HOST:PORT, :PORT (all IPv4 addresses), PORT (this machine only), [::1]:PORT, unix:PATH or fd://N; repeatable.',
    more: 'Port 0 takes a free one. `fd://3` is a listening socket that was inherited, as from systemd. When no address is given and `PORT` is set, as platforms do, it is `0.0.0.0:$PORT`.',
    repeatable: 'commas',
    change: 'restart',
  }),
  unixMode: plain({
    name: 'unix-mode',
    section: 'Listening',
    placeholder: 'MODE',
    kind: octal(),
    default: '666',
    why: 'Anybody may connect, as to a TCP port; the directory of the socket limits it where that is wanted.',
    doc: 'Permissions of Unix sockets, octal.',
    change: 'restart',
  }),
  trustedProxies: input({
    name: 'trusted-proxies',
    section: 'Listening',
    placeholder: 'ADDRESS',
    kind: text('IP address, range (`10.0.0.0/8`), `loopback`, `unix`, `none`, or `*`', parseTrusted),
    default: 'loopback,unix',
    why: 'A proxy on the same machine; anyone else must be named.',
    doc: 'Whom to believe: addresses, ranges, loopback, unix, none, *; repeatable.',
    more: 'What they say in `forwarded-headers` becomes the client address and the scheme that the application sees. `*` believes everyone: whoever can connect may then claim any client address and https. It is right only where nobody but the proxy can connect.',
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
    why: 'Nearly every proxy sets these two, and passes on all others as the client sent them.',
    doc: 'Headers that trusted proxies are believed in; repeatable.',
    more: 'Name exactly those that your proxy sets on every request: what it does not set, a client can. They replace the default, and are believed from `trusted-proxies` only. `X-Forwarded-For` is the client address, `-Proto` the scheme (`wss` and `ws` are `https` and `http`), `-Host` the host, `-Port` its port, `-Prefix` the path that the proxy has stripped (it counts in the place of `root-path`). `X-Forwarded-Ssl` (`on`, `off`) and `X-Forwarded-Protocol` (`ssl`, `https`, `http`) are older names for the scheme; where two of the three contradict each other, the answer is 400. `Forwarded` (RFC 7239) stands alone: a proxy that sets it passes on `X-Forwarded-*` of the client. Jumak takes no header away: an application that reads others by itself (`ProxyFix` of Werkzeug, `USE_X_FORWARDED_HOST` of Django) gets them as the proxy sent them.',
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
      more: '200, answered by the gateway itself: also while every worker is busy, and while the program stops. A path of requests is compared as it is sent, byte by byte; GET and HEAD are answered, anything else is 405. Probes are not written to the access log.',
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
      more: 'Not ready: no worker has been started that can serve, or the program stops. A full queue is no reason: it would take the machine away from the load that it still carries. Otherwise as `health-path`; the two must differ.',
      change: 'restart',
    }),
  },
}
