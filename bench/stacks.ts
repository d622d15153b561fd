/** The servers that are compared, with the command lines that their own documents advise. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ourHop } from './hops.ts'
import { NGINX, nginxBefore, nginxFiles } from './nginx.ts'
import { CADDY, caddyBefore, HAPROXY, haproxyBefore } from './proxies.ts'
import type { Scene } from './scenes.ts'
import type { Certificate } from './tls.ts'

export const ROOT: string = join(import.meta.dirname, '..')
/** Peers and frameworks live here; `npm run bench -- --install` makes it. */
export const BENCH_VENV: string = join(ROOT, '.cache/bench-venv')

/** Where a stack listens, and a directory of its own for configuration and sockets. */
export interface Place {
  readonly port: number
  /** For what stands behind a proxy and can't listen on a Unix socket; in a scene of proxies the server behind it is there. */
  readonly innerPort: number
  readonly directory: string
  /** Null: it speaks plain HTTP. */
  readonly certificate: Certificate | null
}

export interface Stack {
  readonly name: string
  /** What it serves here. */
  readonly interfaces: readonly Scene['interface'][]
  /** Programs that must be there: absolute paths. */
  readonly needs: readonly string[]
  /** Keeps a connection open for its client's next request, and thousands of them. */
  readonly keepsAlive: boolean
  /** Null: it is for every kind of load. */
  readonly loads: readonly Scene['load'][] | null
  /** False: it is in no scene over TLS. */
  readonly speaksTls: boolean
  /**
   * `no`: it is in no scene of HTTP/2. `too`: in these as in the others. `only`: in no others. `by HTTP/1 instead`: in no others, and its
   * clients speak HTTP/1 there, with a connection for each stream.
   */
  readonly http2: 'no' | 'too' | 'only' | 'by HTTP/1 instead'
  /** Command lines, started together. */
  readonly commands: (scene: Scene, workers: number, place: Place) => readonly (readonly string[])[]
}

/** A WebSocket holds a thread: more than there are clients. */
const SOCKET_THREADS = 40

/** @param root - A checkout of Jumak. `threads`: of its gateway. */
export function jumak(name: string, root: string, threads = 1): Stack {
  const program = join(root, 'bin/jumak')
  // Older commits have no such option. On one core it is 1 for the others.
  const more = threads === 1 ? '' : `--gateway-threads ${threads}`
  return {
    name,
    interfaces: ['wsgi', 'gevent', 'asgi', 'websocket', 'wsgi-websocket', 'static', 'page', 'proxy'],
    needs: [program],
    keepsAlive: true,
    speaksTls: true,
    http2: 'too',
    loads: null,
    commands: (scene, workers, place) => {
      if (scene.interface === 'proxy') return [ourHop(program, place, words(more))]
      const { port, directory, certificate } = place
      const tls = certificate === null ? '' : `--tls-cert ${certificate.certificate} --tls-key ${certificate.key}`
      const files = hasFiles(scene) ? `--static /static/=${makeFiles(directory)}` : ''
      const slots = scene.interface === 'wsgi-websocket' ? `--threads ${SOCKET_THREADS}` : ''
      const kind = scene.interface === 'gevent' ? '-k gevent' : slots
      const options = `-b 127.0.0.1:${port} -w ${workers} --log-level warn ${more} ${tls} ${files} ${kind} --python`
      return [[program, ...words(options), venv('python'), scene.app]]
    },
  }
}

const hasFiles = ({ interface: kind }: Scene): boolean => kind === 'static' || kind === 'page'

/** Kilobytes of the files of a page: style sheets, scripts, icons. */
const OF_PAGE = [1, 2, 4, 4, 8, 10, 16, 20, 40, 90]

/** What the static scenes ask for, below /static/; returns the directory. */
export function makeFiles(directory: string): string {
  const files = join(directory, 'files')
  mkdirSync(files, { recursive: true })
  writeFileSync(join(files, '1k.bin'), Buffer.alloc(1000, 'x'))
  writeFileSync(join(files, '100k.bin'), Buffer.alloc(100_000, 'x'))
  writeFileSync(join(files, '10m.bin'), Buffer.alloc(10_000_000, 'x'))
  for (const [index, size] of OF_PAGE.entries())
    writeFileSync(join(files, `page-${index + 1}.bin`), Buffer.alloc(size * 1000, 'x'))
  return files
}

interface Peer {
  readonly name: string
  readonly program: string
  readonly interfaces: Stack['interfaces']
  readonly keepsAlive?: boolean
  readonly loads?: Stack['loads']
  /** Its arguments before the application's name. `socket`: where it shall listen behind nginx instead. */
  readonly options: (
    at: { readonly port: number; readonly socket: string | null },
    workers: number,
    scene: Scene,
  ) => string
  /** It speaks HTTP/2, too. */
  readonly http2?: boolean
  /** Its arguments for TLS, if it speaks it. Left out: it is in no scene over TLS, but behind nginx. */
  readonly tls?: (certificate: Certificate) => string
  /** Left out: it is measured bare and behind nginx. */
  readonly only?: 'bare' | 'behind nginx'
  /** What nginx speaks to it. Left out: HTTP on a Unix socket. */
  readonly upstream?: 'uwsgi' | 'http on TCP'
}

const http: readonly Scene['interface'][] = ['wsgi', 'page']
const gunicorn =
  (more: string): Peer['options'] =>
  ({ port, socket }, workers) =>
    `-b ${socket === null ? `127.0.0.1:${port}` : `unix:${socket}`} -w ${workers} ${more}`.trim()
const uvicorn =
  (parser: string): Peer['options'] =>
  ({ port, socket }, workers) =>
    `${socket === null ? `--host 127.0.0.1 --port ${port}` : `--uds ${socket}`} --workers ${workers} --http ${parser} --loop uvloop --no-access-log --log-level warning`
const granian =
  (rest: (scene: Scene) => string): Peer['options'] =>
  ({ port }, workers, scene) =>
    `--host 127.0.0.1 --port ${port} --workers ${workers} --http ${scene.http === 'http2' ? 'auto' : '1'} --backlog 2048 --log-level warning ${rest(scene)}`
const uwsgi =
  (listen: (port: number, socket: string | null) => string): Peer['options'] =>
  ({ port, socket }, workers) =>
    `${listen(port, socket)} --processes ${workers} --disable-logging --master --wsgi`

const certfile: Peer['tls'] = ({ certificate, key }) => `--certfile ${certificate} --keyfile ${key}`
const sslCertificate: Peer['tls'] = ({ certificate, key }) => `--ssl-certificate ${certificate} --ssl-keyfile ${key}`

const PEERS: readonly Peer[] = [
  {
    name: 'gunicorn sync',
    program: 'gunicorn',
    interfaces: http,
    keepsAlive: false,
    options: gunicorn(''),
    tls: certfile,
  },
  // Its 1,000 connections are a bound of its own, so it holds no thousands.
  {
    ...{ name: 'gunicorn gthread', program: 'gunicorn', interfaces: http, keepsAlive: false },
    ...{ options: gunicorn('-k gthread --threads 4 --keep-alive 75'), tls: certfile },
  },
  {
    ...{ name: 'gunicorn gthread 40', program: 'gunicorn', interfaces: ['wsgi-websocket'], only: 'bare' },
    options: gunicorn(`-k gthread --threads ${SOCKET_THREADS} --keep-alive 75`),
  },
  {
    ...{ name: 'gunicorn gevent', program: 'gunicorn', interfaces: ['gevent'] },
    ...{ options: gunicorn('-k gevent'), tls: certfile },
  },
  {
    ...{ name: 'gunicorn --preload', program: 'gunicorn', interfaces: http, keepsAlive: false, only: 'bare' },
    ...{ loads: ['workers'], options: gunicorn('--preload') },
  },
  {
    ...{ name: 'uwsgi http-socket', program: 'uwsgi', interfaces: http, keepsAlive: false, only: 'bare' },
    options: uwsgi(port => `--http-socket 127.0.0.1:${port}`),
  },
  {
    ...{ name: 'uwsgi http', program: 'uwsgi', interfaces: http, keepsAlive: false, only: 'bare' },
    options: uwsgi(port => `--http 127.0.0.1:${port} --http-keepalive`),
  },
  {
    ...{ name: 'uwsgi', program: 'uwsgi', interfaces: http, only: 'behind nginx', upstream: 'uwsgi' },
    options: uwsgi((_port, socket) => `--socket ${socket} --chmod-socket=666`),
  },
  {
    ...{ name: 'granian', program: 'granian', interfaces: http, upstream: 'http on TCP' },
    options: granian(() => '--interface wsgi --no-ws --blocking-threads 1'),
    ...{ tls: sslCertificate, http2: true },
  },
  {
    // One process: it has no workers.
    ...{ name: 'pyvoy', program: 'pyvoy', interfaces: http, only: 'bare' },
    ...{ loads: ['differing', 'browser', 'upload', 'download', 'close', 'idle', 'slow-stream'], http2: true },
    options: ({ port }) => `--address 127.0.0.1 --port ${port} --interface wsgi --log-level off`,
    tls: ({ certificate, key }) => `--tls-cert ${certificate} --tls-key ${key}`,
  },
  {
    ...{ name: 'uvicorn', program: 'uvicorn', interfaces: ['asgi', 'websocket'] },
    options: uvicorn('httptools'),
  },
  { name: 'uvicorn zttp', program: 'uvicorn', interfaces: ['asgi'], options: uvicorn('zttp') },
  {
    ...{ name: 'granian asgi', program: 'granian', interfaces: ['asgi', 'websocket'], upstream: 'http on TCP' },
    options: granian(scene => `--interface asgi --loop uvloop ${scene.interface === 'websocket' ? '--ws' : '--no-ws'}`),
    ...{ tls: sslCertificate, http2: true },
  },
  { name: 'gunicorn asgi', program: 'gunicorn', interfaces: ['asgi'], options: gunicorn('-k asgi') },
  {
    ...{ name: 'hypercorn', program: 'hypercorn', interfaces: ['asgi', 'websocket'] },
    options: ({ port, socket }, workers) =>
      `-c ${join(ROOT, 'bench/hypercorn.toml')} -k uvloop -b ${socket === null ? `127.0.0.1:${port}` : `unix:${socket}`} -w ${workers}`,
    ...{ tls: certfile, http2: true },
  },
]

/** Nobody is refused: the load is one client. */
const LIMITED: Readonly<Record<string, readonly [tables: string, keys: string]>> = {
  'no limit': ['', ''],
  'a rate': ['[[limit]]\nname = "a"\nrate = "1000000/s"', 'limits = "a burst=100000 nodelay"'],
  'a rate and connections': [
    '[[limit]]\nname = "a"\nrate = "1000000/s"\n[[limit]]\nname = "b"\nconnections = 1000000',
    'limits = ["a burst=100000 nodelay", "b"]',
  ],
  'a JSON log': ['[[log]]\nname = "l"\nfile = "access.log"\nformat = "json"', 'logs = "l"'],
}

export const STACKS: readonly Stack[] = [
  ...(['no site', 'one location', '20 locations'] as const).map(behindLocations),
  ...Object.entries(LIMITED).map(([what, toml]) => behindLimits(what, toml)),
  jumak('jumak', ROOT),
  { ...jumak('jumak by HTTP/1', ROOT), loads: ['differing', 'upload', 'download'], http2: 'by HTTP/1 instead' },
  ...PEERS.filter(peer => peer.only !== 'behind nginx').map(bare),
  ...PEERS.filter(peer => peer.only !== 'bare').map(behindNginx),
  ...PEERS.filter(peer => peer.program === 'granian').flatMap(peer => [
    behindProxy('caddy', CADDY, caddyBefore, peer),
    behindProxy('haproxy', HAPROXY, haproxyBefore, peer),
  ]),
  {
    ...{ name: 'TLS alone', interfaces: ['wsgi'], needs: [], keepsAlive: true, loads: ['idle'] },
    ...{ speaksTls: true, http2: 'only' },
    commands: (_scene, _workers, { port, certificate }) => [
      [process.execPath, join(ROOT, 'bench/bare-tls.ts'), String(port), certificate!.certificate, certificate!.key],
    ],
  },
  {
    ...{ name: 'nginx', interfaces: ['static'], needs: [NGINX], keepsAlive: true, loads: null },
    ...{ speaksTls: true, http2: 'no' },
    commands: (_scene, _workers, place) => [nginxFiles(makeFiles(place.directory), place)],
  },
]

/** Jumak with a file in a site: what limits and logs cost. `toml`: tables, then keys of the site. */
function behindLimits(what: string, [tables, keys]: readonly [string, string]): Stack {
  const stack = jumak(`jumak, ${what}`, ROOT)
  return {
    ...stack,
    interfaces: ['site-file'],
    commands: (scene, workers, place) => {
      const [command] = stack.commands(scene, workers, place)
      const file = join(place.directory, 'limits.toml')
      const location = `{ match = "/static/", alias = "${makeFiles(place.directory)}/" }`
      writeFileSync(file, `${tables}\n[[site]]\n${keys}\nlocations = [${location}]\n`)
      return [[command![0]!, '-c', file, ...command!.slice(1)]]
    },
  }
}

/** Jumak with a site in front of the application: what finding a location costs. */
function behindLocations(which: 'no site' | 'one location' | '20 locations'): Stack {
  const stack = jumak(`jumak, ${which}`, ROOT)
  return {
    ...stack,
    interfaces: ['locations'],
    commands: (scene, workers, place) => {
      const [command] = stack.commands(scene, workers, place)
      if (which === 'no site') return [command!]
      const file = join(place.directory, 'sites.toml')
      writeFileSync(file, which === 'one location' ? ONE_LOCATION : TWENTY_LOCATIONS)
      return [[command![0]!, '-c', file, ...command!.slice(1)]]
    },
  }
}

const ONE_LOCATION = `[[site]]
locations = [{ match = "/", app = "default" }]
`
/** The paths of the load, `/page/N`, come to the last regular expression but one. */
const TWENTY_LOCATIONS = `[[map]]
name = "kind"
from = "$http_accept"
values = { default = "other", "~json" = "data", "~html" = "page" }

[[site]]
add-headers = { X-Kind = "$kind" }
locations = [
${Array.from({ length: 12 }, (_, i) => `  { match = "/section-${i}/", app = "default" },`).join('\n')}
  { match = "/", app = "default" },
  { match = "~ \\\\.(?:png|jpg|css|js)$", return = 404 },
  { match = "~* ^/(?:admin|wp-login)", return = 404 },
  { match = "~ ^/api/v(?<version>\\\\d+)/", app = "default" },
  { match = "~ ^/users/(?<user>[^/]+)/", app = "default" },
  { match = "~ \\\\.php$", return = 404 },
  { match = "~ ^/page/(?<page>\\\\d+)$", app = "default" },
  { match = "~ ^/never", app = "default" },
]
`

function bare(peer: Peer): Stack {
  return {
    ...common(peer),
    // Somebody else has to serve the files.
    interfaces: peer.interfaces.filter(one => one !== 'page'),
    commands: (scene, workers, { port, certificate }) => [
      line(peer, { port, socket: null }, workers, scene, certificate === null ? '' : peer.tls!(certificate)),
    ],
  }
}

function behindNginx(peer: Peer): Stack {
  return {
    ...common(peer),
    name: `nginx + ${peer.name}`,
    needs: [NGINX, venv(peer.program)],
    keepsAlive: true,
    speaksTls: true,
    http2: 'too',
    commands: (scene, workers, place) => {
      const { innerPort, directory } = place
      const socket = peer.upstream === 'http on TCP' ? null : join(directory, 'app.sock')
      const server = socket === null ? `127.0.0.1:${innerPort}` : `unix:${socket}`
      return [
        nginxBefore(
          server,
          peer.upstream === 'uwsgi' ? 'uwsgi' : 'http',
          place,
          scene.http,
          hasFiles(scene) ? makeFiles(directory) : null,
        ),
        line(peer, { port: innerPort, socket }, workers, { ...scene, http: 'http1' }, ''),
      ]
    },
  }
}

/** For scenes of HTTP/2 only: elsewhere nginx is the one to compare with. */
function behindProxy(
  name: string,
  program: string,
  before: (server: string, place: Place) => string[],
  peer: Peer,
): Stack {
  return {
    ...common(peer),
    name: `${name} + ${peer.name}`,
    needs: [program, venv(peer.program)],
    ...{ keepsAlive: true, speaksTls: true, http2: 'only' },
    commands: (scene, workers, place) => [
      before(`127.0.0.1:${place.innerPort}`, place),
      line(peer, { port: place.innerPort, socket: null }, workers, { ...scene, http: 'http1' }, ''),
    ],
  }
}

function common({ name, program, interfaces, keepsAlive = true, loads = null, tls, http2 }: Peer) {
  const speaks = { speaksTls: tls !== undefined, http2: http2 === true ? ('too' as const) : ('no' as const) }
  return { name, interfaces, needs: [venv(program)], keepsAlive, loads, ...speaks }
}

function line(peer: Peer, at: Parameters<Peer['options']>[0], workers: number, scene: Scene, more: string): string[] {
  // uWSGI's last option is the application's.
  return [venv(peer.program), ...words(`${more} ${peer.options(at, workers, scene)}`), scene.app]
}

const words = (text: string): string[] => text.split(' ').filter(word => word !== '')

/** What `--install` installs. gunicorn[fast] is its own advice for the parser; py-spy is for `npm run profile`. */
export const PACKAGES: readonly string[] = [
  ...['gunicorn[fast]', 'gevent', 'packaging', 'uwsgi', 'granian', 'uvicorn[standard]', 'zttp', 'hypercorn', 'pyvoy'],
  ...['flask', 'flask-sock', 'django', 'fastapi', 'py-spy'],
]

export function venv(program: string): string {
  return join(BENCH_VENV, 'bin', program)
}

/** What is missing of it; null: nothing. */
export function missingOf(stack: Stack): string | null {
  return stack.needs.find(path => !existsSync(path)) ?? null
}
