/** Keys of `[[upstream]]`. Defined as settings are (`site-keys.ts`), with nginx's names and hyphens. */
import { parseBalance, parseEjection, parseHealthCheck, parseQueue, parseSticky } from '../kinds/group-words.ts'
import { count, duration, text } from '../kinds/kinds.ts'
import { parseServer } from '../kinds/upstream-words.ts'
import { input, type Setting, settingsIn } from './setting.ts'
import { nameKey, none, ofFile } from './site-kinds.ts'

export const upstreamKeys = {
  name: nameKey(
    text('letters, digits, `.`, `_`, `-`', written =>
      /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/.test(written) && !/^[\d.]+$/.test(written)
        ? { value: written }
        : { problem: 'must be a name as in backend' },
    ),
    'Name of the group, for proxy = "http://NAME".',
  ),
  servers: input({
    ...ofFile,
    ...none,
    name: 'servers',
    placeholder: 'SERVER',
    kind: text(
      'address, then `weight=N`, `max-fails=N`, `fail-timeout=TIME`, `max-conns=N`, `slow-start=TIME`, `backup`, `down`',
      parseServer,
      { absolute: (written, from) => written.replace(/^unix:(\S+)/, (_, path: string) => `unix:${from(path)}`) },
    ),
    why: 'It must be given.',
    doc: 'Servers of the group, as in "10.0.0.1:8000 weight=3"; a list.',
    more: '`srv:_http._tcp.api.internal`: the servers that SRV records name, with their weights; the lowest priority is asked, others are backup. `weight`: its share (1). `max-fails`, `fail-timeout`: after so many failures (1) within the time (10s) it gets nothing for as long; a server that is alone is always asked. `max-conns`: requests at once, of all threads of the gateway together. `slow-start`: the time in which its share grows after it was out. `backup`: only when no other can be asked.',
    repeatable: 'words',
  }),
  balance: input({
    ...ofFile,
    name: 'balance',
    placeholder: 'METHOD',
    kind: text(
      '`round-robin`, `least-conn`, `ip-hash`, `random`, `random two`, `hash $KEY`, `hash $KEY consistent`',
      parseBalance,
    ),
    default: 'round-robin',
    why: 'Equal servers get equal shares, in turn.',
    doc: 'How requests are shared among the servers.',
  }),
  queue: input({
    ...ofFile,
    ...none,
    name: 'queue',
    placeholder: 'QUEUE',
    kind: text('whole number, then `timeout=TIME`', parseQueue),
    why: 'Without max-conns no server is full, and with it a quick answer is better than a late one.',
    doc: 'Requests that wait while all servers have `max-conns`, as in "100 timeout=5s"; 0 is none.',
    more: 'They get servers in their order. When it is full, or after the `timeout` (60s), the answer is 503 with Retry-After; a client that goes frees its place. Each thread of the gateway has a queue of its own, so with `gateway-threads = 4` up to four times as many wait.',
  }),
  ejection: input({
    ...ofFile,
    ...none,
    name: 'outlier-ejection',
    placeholder: 'EJECTION',
    kind: text(
      '`on`, `off`, or what differs: `failures=N`, `rate=N%`, `requests=N`, `window=TIME`, `time=TIME`, `share=N%`',
      parseEjection,
    ),
    why: 'An answer of 5xx may be a mistake that all servers have.',
    doc: 'Leaves a server out for a while that fails more often than it should, as in "failures=5 time=30s"; `on` for the usual values.',
    more: 'A failure is an answer of 5xx, none, or a broken one. `failures` (5) in a row are too many, and `rate` (50%) of those of a `window` (10s) that has `requests` (20) at least; 0 switches one of them off. It is out for `time` (30s), and for as much longer each time that it happens again, up to ten times that. At most `share` (50%) of the servers are out at once, rounded down. The log names the server and why.',
  }),
  sticky: input({
    ...ofFile,
    ...none,
    name: 'sticky',
    placeholder: 'COOKIE',
    kind: text(
      'the word `cookie` and a name, then `ttl=TIME`, `path=PATH`, `domain=HOST`, `samesite=strict|lax|none`',
      parseSticky,
    ),
    why: 'Most servers know all clients.',
    doc: 'Keeps each client with the server that has answered it, by a cookie, as in "cookie srv ttl=1h".',
    more: 'The cookie is signed and names no address; a wrong or old one counts as none. `ttl`: how long a cookie holds; it is renewed when half of that is over; without it, until the browser closes. Also `path` (`/`), `domain`, `samesite` (lax). It is HttpOnly, and Secure over TLS. A server that is drained keeps its clients and gets no others. One that is out loses them: they get another server, and another cookie. While it only has `max-conns`, others help out. `balance` chooses for new clients. The key is in the file of `affinity-key`. Two upstreams of one site need two names.',
  }),
  healthCheck: input({
    ...ofFile,
    ...none,
    name: 'health-check',
    placeholder: 'CHECK',
    kind: text(
      'path, then `interval=TIME`, `timeout=TIME`, `fails=N`, `passes=N`, `status=N-M`, `header=NAME:VALUE`, `body=TEXT`',
      parseHealthCheck,
    ),
    why: 'Servers that fail requests are left out without it; it finds out before a client does.',
    doc: 'Asks each server whether it is well, as in "/health interval=5s": one that is not gets no requests until it is.',
    more: '`interval` (5s, and a tenth more or less), `timeout` (2s) for the response, `fails` (2) and `passes` (2) in a row that change what is thought of a server, `status` (200-399) of a good answer, a `header` that it must have, with this value or with any (`header=X-State`), and a text in the first 64 KiB of its content (`body`). What has blanks stands in single quotes. When all servers of a group are out, they are asked as if all were well. One thread of the gateway asks for all. Where a location has https:// before the name of the group, the check speaks TLS with the settings of the first such location. Servers of FastCGI, SCGI and uwsgi are not asked.',
  }),
  keepalive: input<number>({
    ...ofFile,
    name: 'keepalive',
    placeholder: 'N',
    kind: count(0, 10_000),
    default: '128',
    why: 'A new connection costs as much as a small request. nginx keeps 32 for each of its workers, which are four and more.',
    doc: 'Connections to each server that wait for the next request, in each thread of the gateway.',
  }),
  keepaliveTimeout: input<number>({
    ...ofFile,
    name: 'keepalive-timeout',
    placeholder: 'TIME',
    kind: duration(null),
    default: '4s',
    why: 'Many servers close after five seconds: who closes first loses no request.',
    doc: 'How long a connection waits for the next request.',
  }),
}

export const UPSTREAM_KEYS: readonly Setting[] = settingsIn(upstreamKeys)
