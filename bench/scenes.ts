/** What the servers of the bench are asked to do. */

/** The figure that a scene is about: what is compared, and drawn. */
export type Measure =
  | 'microseconds'
  | 'busiestThread'
  | 'p99'
  | 'added'
  | 'slowdown'
  | 'kilobytesPerConnection'
  | 'megabytesPerWorker'

export interface Scene {
  readonly name: string
  readonly what: string
  /** `module:attribute` under bench/apps. */
  readonly app: string
  /**
   * `gevent`: WSGI in greenlets. `static`: files, which no application is asked for. `wsgi-websocket`: a library of the application speaks
   * the frames. `page`: WSGI, and files beside it. `locations`: a request goes through a site, `site-file`: to a file there; only Jumak is
   * compared, with itself. `compressed`: a page that the servers have in memory, and compress for each request. `proxy`: the server behind a proxy,
   * which is the same for all and is not counted. `front`: an application behind nginx; `uwsgi-server`, `php`, `php-kept`: uWSGI and php-fpm behind a
   * web server, and both are counted (`fronts.ts`).
   */
  readonly interface:
    | 'wsgi'
    | 'gevent'
    | 'asgi'
    | 'websocket'
    | 'wsgi-websocket'
    | 'static'
    | 'page'
    | 'locations'
    | 'site-file'
    | 'compressed'
    | 'proxy'
    | 'front'
    | 'uwsgi-server'
    | 'php'
    | 'php-kept'
  /** Over TLS; all stacks speak what `tls.ts` says. */
  readonly tls: boolean
  /** HTTP/2 is over TLS here, as browsers speak it. */
  readonly http: 'http1' | 'http2'
  /** Requests at a time on each connection. With HTTP/1 1. */
  readonly streams: number
  /**
   * `differing`, `browser`, `upload`, `close`, `page`, `file`, `small-file`, `large-file`: kinds of load.lua. `echo`, `broadcast`: messages over WebSockets.
   * `one-percent-slow`: arrivals that don't wait for answers. `slow-readers`: `differing` beside 1,000 slow readers.
   * `download`: as `differing`, and the answers are large.
   * `slow-stream`: the streams of one connection, first without and then beside one that is read slowly.
   * `uneven`: half of the connections send ten times as much as the others.
   * `full`, `resumed`: handshakes, each for one request for a small file.
   * `half-load`: half of the rate that the slowest of the stacks can serve, for all of them; what the proxy adds to the latency.
   * `upload-1m`: as many uploads of 1 MB, however long they take. `idle-websocket`: WebSockets that say nothing.
   * `idle`: connections that have made one request. `workers`: 1,000 requests for each worker.
   */
  readonly load:
    | 'differing'
    | 'browser'
    | 'upload'
    | 'download'
    | 'close'
    | 'page'
    | 'file'
    | 'small-file'
    | 'large-file'
    | 'full'
    | 'resumed'
    | 'echo'
    | 'broadcast'
    | 'one-percent-slow'
    | 'slow-readers'
    | 'slow-stream'
    | 'uneven'
    | 'half-load'
    | 'upload-1m'
    | 'idle'
    | 'idle-websocket'
    | 'workers'
  readonly measure: Measure
  /** These two unless the command line says otherwise. */
  readonly connections: number
  readonly workers: number
}

function scene(
  name: string,
  app: string,
  what: string,
  rest: Partial<Scene> & { readonly interface: Scene['interface'] },
): Scene {
  return {
    ...{ name, app, what, tls: false, http: 'http1', streams: 1, load: 'differing', measure: 'microseconds' },
    ...{ connections: 64, workers: 1 },
    ...rest,
  }
}

const wsgi = { interface: 'wsgi' } as const
const asgi = { interface: 'asgi' } as const
const files = { interface: 'static', load: 'file' } as const
const handshakes = { interface: 'static', tls: true, connections: 16 } as const
const streams = { tls: true, http: 'http2', streams: 32, connections: 8 } as const
/** Large content: 32 requests at a time in all. */
const large = { ...streams, ...wsgi, streams: 4 } as const
const proxy = { interface: 'proxy' } as const
const websocket = { interface: 'websocket', connections: 32 } as const

export const SCENES: readonly Scene[] = [
  scene('hello', 'plain:hello', '13 bytes from a bare WSGI callable', wsgi),
  scene('10kb', 'plain:ten_kilobytes', '10 KiB from a bare WSGI callable', wsgi),
  scene('upload', 'plain:echo', '10 KiB of content read and sent back, WSGI', { ...wsgi, load: 'upload' }),
  scene('browser', 'plain:hello', 'hello for the headers and cookies of a browser', { ...wsgi, load: 'browser' }),
  scene('close', 'plain:hello', 'hello on a connection of its own each time', { ...wsgi, load: 'close' }),
  scene('flask', 'flask_app:app', 'a Flask view', wsgi),
  scene('flask-one', 'flask_app:app', 'a Flask view, one connection', { ...wsgi, connections: 1 }),
  scene('django', 'django_app:application', 'a Django page: middleware, template, ORM', wsgi),
  scene('asgi-hello', 'asgi_plain:hello', '13 bytes from a bare ASGI callable', asgi),
  scene('asgi-10kb', 'asgi_plain:ten_kilobytes', '10 KiB from a bare ASGI callable', asgi),
  scene('asgi-echo', 'asgi_plain:echo', '10 KiB of content read and sent back', { ...asgi, load: 'upload' }),
  scene('asgi-10ms', 'asgi_plain:ten_milliseconds', 'an ASGI callable that waits for 10 ms', {
    ...asgi,
    connections: 512,
  }),
  scene('fastapi', 'fastapi_app:app', 'a FastAPI view that answers JSON', asgi),
  scene('ws-echo', 'asgi_plain:ws_echo', 'each message of 32 clients is sent back', { ...websocket, load: 'echo' }),
  scene('wsgi-ws-echo', 'flask_sockets:app', 'each message of 32 clients is sent back by flask-sock, 40 threads', {
    ...{ interface: 'wsgi-websocket', connections: 32, load: 'echo' },
  }),
  scene('ws-broadcast', 'asgi_plain:ws_broadcast', 'each message is sent to all of 32 clients', {
    ...websocket,
    load: 'broadcast',
  }),
  scene('one-percent-slow', 'plain:one_percent_slow', 'one request of a hundred takes 500 ms, the others 5 ms', {
    ...{ ...wsgi, load: 'one-percent-slow', measure: 'p99', workers: 4 },
  }),
  scene('gevent-100ms', 'plain:wait_100ms', 'a view that waits 100 ms by time.sleep, in greenlets', {
    ...{ interface: 'gevent', connections: 1000 },
  }),
  scene('slow-readers', 'plain:hello_or_large', 'hello beside 1,000 clients that read 1 MiB slowly', {
    ...{ ...wsgi, load: 'slow-readers' },
  }),
  scene('uneven', 'plain:hello', 'half of the connections send ten times as much: the busiest gateway thread', {
    ...{ ...wsgi, load: 'uneven', measure: 'busiestThread' },
  }),
  scene('static-1k', 'plain:hello', 'a file of 1 KB', { ...files, load: 'small-file' }),
  scene('static-100k', 'plain:hello', 'a file of 100 KB', files),
  scene('static-10m', 'plain:hello', 'a file of 10 MB', { ...files, load: 'large-file', connections: 8 }),
  scene(
    'django-page',
    'django_app:application',
    'a Django page and the ten files that it names: one request of eleven',
    {
      ...{ interface: 'page', load: 'page', connections: 16 },
    },
  ),
  scene('locations', 'plain:hello', 'hello behind 20 locations with regular expressions and a map, and behind one', {
    interface: 'locations',
  }),
  scene('limits', 'plain:hello', 'a file of 1 KB in a site, with limits and with a JSON log of 12 variables', {
    ...{ interface: 'site-file', load: 'small-file' },
  }),
  scene('compressed-20k', 'plain:hello', 'a page of 20 KB, compressed for each request', {
    ...{ interface: 'compressed', load: 'browser' },
  }),
  scene('proxy-1k', '', '1 KB from a server behind a proxy', { ...proxy, load: 'small-file' }),
  scene('proxy-100k', '', '100 KB from a server behind a proxy', { ...proxy, load: 'file' }),
  scene('proxy-upload-1m', '', '1 MB for a server behind a proxy', { ...proxy, load: 'upload-1m' }),
  scene('proxy-websocket', '', 'each message of 64 clients is sent back by a server behind a proxy', {
    ...{ ...proxy, load: 'echo' },
  }),
  scene('proxy-p99', '', 'what a proxy adds to the p99 of 1 KB, at half of what the slowest of them serves', {
    ...{ ...proxy, load: 'half-load', measure: 'added' },
  }),
  scene('proxy-memory', '', 'WebSockets through a proxy that say nothing', {
    ...{ ...proxy, load: 'idle-websocket', measure: 'kilobytesPerConnection', connections: 2000 },
  }),
  scene('front-flask', 'flask_app:app', 'a Flask view behind nginx, whole stack', { interface: 'front' }),
  scene('uwsgi-flask', 'flask_app:app', 'a Flask view in uWSGI behind a web server, whole stack', {
    interface: 'uwsgi-server',
  }),
  scene('php', '', 'a hello in php-fpm behind a web server, whole stack', { interface: 'php', connections: 16 }),
  scene('php-kept', '', 'the same, with connections that stay open', { interface: 'php-kept', connections: 16 }),
  scene('https-hello', 'plain:hello', '13 bytes from a bare WSGI callable, over TLS', { ...wsgi, tls: true }),
  scene('tls-handshake', 'plain:hello', 'a full handshake for each request', { ...handshakes, load: 'full' }),
  scene('tls-resumed', 'plain:hello', 'a resumed handshake for each request', { ...handshakes, load: 'resumed' }),
  scene('static-100k-tls', 'plain:hello', 'a file of 100 KB, over TLS', { ...files, tls: true }),
  scene('http2-hello', 'plain:hello', '13 bytes from a bare WSGI callable', { ...wsgi, ...streams }),
  scene('http2-10k', 'plain:ten_kilobytes', '10 KiB from a bare WSGI callable', { ...wsgi, ...streams }),
  scene('http2-flask', 'flask_app:app', 'a Flask view', { ...wsgi, ...streams }),
  scene('http2-asgi-hello', 'asgi_plain:hello', '13 bytes from a bare ASGI callable', { ...asgi, ...streams }),
  scene('http2-asgi-10k', 'asgi_plain:ten_kilobytes', '10 KiB from a bare ASGI callable', { ...asgi, ...streams }),
  scene('http2-fastapi', 'fastapi_app:app', 'a FastAPI view that answers JSON', { ...asgi, ...streams }),
  scene('http2-upload-1m', 'plain:count', '1 MB of content read, WSGI', { ...large, load: 'upload' }),
  scene('http2-download-10m', 'plain:ten_megabytes', '10 MB in pieces of 64 KiB, WSGI', { ...large, load: 'download' }),
  scene('http2-slow-reader', 'plain:hello_or_large', '31 streams beside one that is read slowly, on one connection', {
    ...{ ...wsgi, ...streams, load: 'slow-stream', measure: 'slowdown', connections: 1 },
  }),
  scene('idle', 'plain:hello', 'connections that have made one request and stay', {
    ...{ ...wsgi, load: 'idle', measure: 'kilobytesPerConnection', connections: 10_000 },
  }),
  scene('idle-tls', 'plain:hello', 'connections over TLS that have made one request and stay', {
    ...{ ...wsgi, tls: true, load: 'idle', measure: 'kilobytesPerConnection', connections: 2000 },
  }),
  scene('idle-http2', 'plain:hello', 'connections of HTTP/2 that have made one request and stay', {
    ...{ ...wsgi, ...streams, load: 'idle', measure: 'kilobytesPerConnection', streams: 1, connections: 2000 },
  }),
  scene('workers', 'django_app:application', 'a further Django worker, after 1,000 requests each', {
    ...{ ...wsgi, load: 'workers', measure: 'megabytesPerWorker', workers: 4 },
  }),
]
