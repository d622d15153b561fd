/**
 * The import rules of `src/`, as data and a check over file texts. `scripts/check-layers.ts` runs it on the tree.
 *
 *     sites ← { config, control, routing }        routing ← config        access ← { config, routing, gateway, cli }
 *     base ← http ← protocols ← { http1, http2 }     http ← { websocket, tls, routing, apps } ← { middleware, handlers } ← gateway
 *     { http1, apps } ← upstream ← gateway
 *     patterns ← routing        { http, sites } ← compression ← { middleware, handlers, gateway }
 *     base ← config ← adapters ← cli        base ← control ← { master, gateway }
 *     base ← shared ← { apps/threads, gateway/threads }        base ← limits ← gateway
 *     within apps: wire ← worker ← raw ← { wsgi, asgi } ← links        pool ← { raw, wsgi, asgi }
 *     within master: host ← output ← development ← fleet ← { admin, upgrade } ← master ← main
 *
 * Tests (`*.test.ts`) and what is only for them (folders named `testing`) are not checked: they may bring any two parts
 * together. Nothing else may import them.
 */
import { dirname, join, normalize } from 'node:path/posix'

export interface SourceFile {
  /** Relative to the root, with slashes: `src/http1/parser.ts`. */
  readonly path: string
  readonly text: string
}

export interface Import {
  readonly specifier: string
  readonly line: number
  /** `import type` and `export type`: gone at run time. */
  readonly typeOnly: boolean
  /** `import()`: loaded only when that line runs. */
  readonly isDynamic: boolean
}

/** What each part may import besides itself, COMMON and Node's modules. A part that is missing here is an error. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  base: [],
  observe: ['base', 'http'],
  sites: [],
  access: ['base', 'http'],
  config: ['base', 'access', 'sites', 'routing', 'limits'],
  control: ['base', 'sites'],
  http: ['base'],
  protocols: ['base', 'http'],
  http1: ['base', 'http', 'protocols'],
  http2: ['base', 'http', 'protocols'],
  websocket: ['base', 'http'],
  tls: ['base', 'http'],
  patterns: [],
  routing: ['base', 'http', 'access', 'patterns', 'sites'],
  compression: ['base', 'http', 'sites'],
  shared: ['base'],
  limits: ['base', 'sites'],
  apps: ['base', 'http', 'shared'],
  cgi: ['base', 'http', 'http1'],
  upstream: ['base', 'http', 'http1', 'cgi', 'sites', 'apps'],
  middleware: ['base', 'http', 'sites', 'compression', 'apps', 'observe'],
  handlers: ['base', 'http', 'apps', 'observe', 'compression'],
  gateway: [
    'base',
    'http',
    'http1',
    'http2',
    'protocols',
    'websocket',
    'tls',
    'routing',
    'access',
    'sites',
    'compression',
    'apps',
    'middleware',
    'handlers',
    'upstream',
    'control',
    'observe',
    'shared',
    'limits',
  ],
  master: ['base', 'control', 'observe', 'sites'],
  adapters: ['base', 'config'],
  cli: ['base', 'config', 'control', 'observe', 'master', 'adapters', 'http', 'routing', 'access', 'sites'],
}

/** The one file of another part that a part may use: `jumak explain` asks the code that serves. */
const DOORS: Readonly<Record<string, string>> = { cli: 'src/gateway/sites/explained.ts' }

/** Everybody may use these. */
const COMMON: readonly string[] = ['src/config/types.ts', 'src/observe/log.ts', 'src/observe/sink.ts']

/** Parts whose files do one thing each and are put together by `gateway/assemble.ts` alone. */
const SEPARATE_FILES: readonly string[] = ['middleware', 'handlers']

/** What each folder or file of a part may import of the others in it. A part that is missing here has no rule within itself. */
const ROOMS: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  apps: {
    wire: [],
    worker: ['wire'],
    pool: [],
    raw: ['pool', 'wire', 'worker'],
    wsgi: ['pool', 'wire', 'worker', 'raw'],
    asgi: ['pool', 'wire', 'worker', 'raw'],
    links: ['pool', 'wire', 'worker', 'raw', 'wsgi', 'asgi'],
    threads: ['pool', 'wire', 'worker', 'wsgi', 'asgi', 'links'],
  },
  master: {
    errors: [],
    paths: [],
    signals: [],
    host: ['errors'],
    output: ['host', 'errors'],
    tls: ['host', 'errors'],
    development: ['output', 'host'],
    fleet: ['development', 'output', 'host', 'errors', 'paths'],
    cgi: ['output', 'host', 'errors'],
    admin: ['fleet', 'output', 'host', 'errors'],
    upgrade: ['fleet', 'output', 'host', 'errors', 'signals'],
    source: ['fleet'],
    readiness: ['fleet', 'output', 'errors', 'paths'],
    reload: ['admin', 'upgrade', 'fleet', 'output', 'tls', 'errors', 'readiness', 'source'],
    shutdown: ['fleet', 'output', 'host', 'signals'],
    check: ['fleet', 'output', 'host', 'errors', 'paths', 'tls'],
    ending: ['shutdown', 'readiness', 'upgrade', 'fleet', 'output', 'host', 'signals'],
    master: [
      'reload',
      'cgi',
      'ending',
      'readiness',
      'source',
      'admin',
      'signals',
      'upgrade',
      'fleet',
      'development',
      'tls',
      'output',
      'host',
      'errors',
      'paths',
    ],
    main: ['master', 'source', 'output', 'errors', 'paths'],
  },
}

/** Who may use a module that is not ours at run time. Packages that are not named here are for nobody in `src/`. */
const RESTRICTED: Readonly<Record<string, (path: string) => boolean>> = {
  // Those of http/ and config/ open nothing: they need BlockList and the tests of addresses.
  'node:net': path =>
    ['gateway', 'master'].includes(partOf(path)) ||
    [
      'src/apps/worker/connection.ts',
      'src/cli/admin/connect.ts',
      'src/config/kinds/ip.ts',
      'src/http/authority.ts',
      'src/http/forwarded-fields.ts',
      'src/http/address-ranges.ts',
      'src/http/network-table.ts',
      'src/http/proxy-header.ts',
      'src/http/special-addresses.ts',
      'src/http/trusted-proxies.ts',
      'src/observe/remote/tcp.ts',
      'src/upstream/connection.ts',
      'src/upstream/services.ts',
      'src/upstream/tls.ts',
    ].includes(path),
  // For its table of reason phrases only.
  'node:http': path => path === 'src/http/status.ts',
  'node:https': () => false,
  'node:http2': () => false,
  'node:tls': path =>
    path === 'src/gateway/transports/tls.ts' ||
    path === 'src/gateway/transports/tls-handle.ts' ||
    path === 'src/gateway/transports/tls-socket.ts' ||
    path === 'src/gateway/connections/handshakes.ts' ||
    path === 'src/upstream/tls.ts' ||
    ['src/tls/', 'src/master/tls/'].some(folder => path.startsWith(folder)),
  'node:dgram': path => path === 'src/observe/remote/udp.ts',
  chokidar: path => /^src\/master\/development\/(?:config-watcher|watch)\.ts$/.test(path),
  mrmime: path => path === 'src/handlers/static/names.ts',
  bcryptjs: path => path.startsWith('src/access/hashes/'),
  // Its frames and its compression; one file knows which parts of it.
  ws: path => path === 'src/websocket/ws.ts',
  'toml-eslint-parser': path => path === 'src/config/sources/toml.ts',
}

/** Types of messages that a part further down makes something of. */
const TYPES: Readonly<Record<string, readonly string[]>> = { tls: ['src/control/tls-messages.ts'] }

export function partOf(path: string): string {
  return path.split('/')[1] ?? ''
}

/** Static and dynamic imports and re-exports of a TypeScript file; comments are skipped. */
export function importsOf(text: string): Import[] {
  const code = text
    .replace(/\/\*[\s\S]*?\*\//g, comment => comment.replace(/[^\n]/g, ' '))
    .replace(/^[ \t]*\/\/.*$/gm, '')
  const pattern =
    /^[ \t]*(?:import|export)\s+(type\s)?(?:[^'"`;]*?\sfrom\s+)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gm
  return [...code.matchAll(pattern)].map(match => ({
    specifier: match[2] ?? match[3]!,
    line: code.slice(0, match.index).split('\n').length,
    typeOnly: match[1] !== undefined,
    isDynamic: match[3] !== undefined,
  }))
}

/** One sentence for each broken rule: `src/a.ts:3: …`. */
export function violations(files: readonly SourceFile[]): string[] {
  return files
    .filter(file => !isForTests(file.path))
    .flatMap(file =>
      importsOf(file.text).flatMap(one => {
        const broken = one.specifier.startsWith('.') ? brokenByOwn(file.path, one) : brokenByOther(file.path, one)
        return broken === null ? [] : [`${file.path}:${one.line}: ${broken}`]
      }),
    )
}

export function isForTests(path: string): boolean {
  return path.endsWith('.test.ts') || path.includes('/testing/')
}

/** What several threads of the gateway need. */
function isForThreads(path: string): boolean {
  return /^src\/(?:shared|(?:apps|gateway)\/threads)\//.test(path)
}

function brokenByOwn(path: string, { specifier, typeOnly, isDynamic }: Import): string | null {
  const target = normalize(join(dirname(path), specifier))
  const [from, to] = [partOf(path), partOf(target)]
  const allowed = ALLOWED[from]
  if (!allowed) return `the part '${from}' has no import rule: add it to scripts/lib/layers.ts`
  if (!target.startsWith('src/')) return `imports ${target}, which is outside src/`
  if (isForTests(target)) return `imports ${target}, which is for tests`
  if (COMMON.includes(target) || target === DOORS[from]) return null
  if (isForThreads(target) && !isForThreads(path) && !isDynamic && !typeOnly)
    return `loads ${target}, which a gateway with one thread must not: import it by import(), or as a type`
  if (from === to) return brokenWithin(from, unitOf(path), unitOf(target))
  if (allowed.includes(to) || (typeOnly && TYPES[from]?.includes(target))) return null
  return `${from} may not import ${to} (${target}); it may import ${allowed.join(', ') || 'nothing of ours'}`
}

function brokenWithin(part: string, own: string, other: string): string | null {
  if (own === other) return null
  if (SEPARATE_FILES.includes(part))
    return `${part} files do not import one another (${other}): gateway/assemble.ts composes them`
  const rooms = ROOMS[part]
  if (rooms === undefined) return null
  const allowed = rooms[own]
  if (allowed === undefined) return `'${own}' of ${part} has no import rule: add it to scripts/lib/layers.ts`
  if (allowed.includes(other)) return null
  return `${part}/${own} may not import ${part}/${other}; of ${part} it may import ${allowed.join(', ') || 'nothing else'}`
}

function brokenByOther(path: string, { specifier, typeOnly }: Import): string | null {
  if (typeOnly) return null
  const rule = RESTRICTED[specifier]
  if (rule) return rule(path) ? null : `may not import ${specifier}`
  return specifier.startsWith('node:') ? null : `imports ${specifier}, which no rule allows`
}

/** The folder or file directly in a part: `static` for handlers/static/files.ts, `app` for handlers/app.ts. */
function unitOf(path: string): string {
  return path.split('/')[2]!.replace(/\.ts$/, '')
}
