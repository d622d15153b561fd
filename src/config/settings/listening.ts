/** Settings of the addresses, and of whom they believe. */
import { parseBind, toAbsoluteBind } from '../bind.ts'
import { parseHealthPath } from '../forms.ts'
import { parseTrusted } from '../trusted.ts'
import { octal, text } from './kinds.ts'
import { defineSetting } from './setting.ts'

export const bind = defineSetting({
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
})

export const unixMode = defineSetting({
  name: 'unix-mode',
  section: 'Listening',
  placeholder: 'MODE',
  kind: octal(),
  default: '666',
  why: 'Anybody may connect, as to a TCP port; the directory of the socket limits it where that is wanted.',
  doc: 'Permissions of Unix sockets, octal.',
  change: 'restart',
})

export const trustedProxies = defineSetting({
  name: 'trusted-proxies',
  section: 'Listening',
  placeholder: 'ADDRESS',
  kind: text('IP address, range (`10.0.0.0/8`), `loopback`, `unix`, `none`, or `*`', parseTrusted),
  default: 'loopback,unix',
  why: 'A proxy on the same machine; anyone else must be named.',
  doc: 'Whose X-Forwarded-* is believed: addresses, ranges, loopback, unix, none, *; repeatable.',
  more: 'What they say becomes the client address, the scheme and the host that the application sees. `*` believes everyone: whoever can connect may then claim any client address, host and https. It is right only where nobody but the proxy can connect.',
  repeatable: 'commas',
  change: 'restart',
})

const probePath = text<string | null>('path of URLs, as in `/-/ready`, or `off`', parseHealthPath, {
  literals: ['false'],
  json: { anyOf: [{ type: 'string' }, { const: false }] },
})

export const healthPath = defineSetting({
  name: 'health-path',
  section: 'Listening',
  placeholder: 'PATH',
  kind: probePath,
  default: 'off',
  why: 'Every path belongs to the application until somebody says otherwise.',
  doc: 'Path of the liveness probe, answered without the application.',
  more: '200, answered by the gateway itself: also while every worker is busy, and while the program stops. A path of requests is compared as it is sent, byte by byte; GET and HEAD are answered, anything else is 405. Probes are not written to the access log.',
  change: 'restart',
})

export const readyPath = defineSetting({
  name: 'ready-path',
  section: 'Listening',
  placeholder: 'PATH',
  kind: probePath,
  default: 'off',
  why: 'Every path belongs to the application until somebody says otherwise.',
  doc: 'Path of the readiness probe: 200, or 503 with its reason.',
  more: 'Not ready: no worker has been started that can serve, or the program stops. A full queue is no reason: it would take the machine away from the load that it still carries. Otherwise as `health-path`; the two must differ.',
  change: 'restart',
})
