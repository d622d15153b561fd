/**
 * Takes every message between the processes and makes each field wrong in every way: the message is refused, and the field is named. A field
 * without a check fails here. A message without an example does not compile.
 */
import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { version } from '../base/version.ts'
import { testApp, testConfig } from '../config/testing/config.ts'
import type { GatewayConfig } from '../config/types.ts'
import type { Upstream } from '../sites/upstream-model.ts'
import { gatewayPart } from './config-shape.ts'
import { openGatewayChannel, openMasterChannel } from './ipc.ts'
import type { ErrorReport, GatewayToMaster, MasterToGateway, MasterToPreloader, MasterToWorker } from './messages.ts'
import { findShapeError, GATEWAY_SHAPES, MASTER_SHAPES, PRELOADER_SHAPES, WORKER_SHAPES } from './shapes.ts'

type Fields = Readonly<Record<string, unknown>>
type Message = Fields & { readonly type: string }
type Examples<M extends { readonly type: string }> = {
  readonly [Type in M['type']]: readonly Extract<M, { readonly type: Type }>[]
}

/** Nothing in it is null or empty, so that each check sees a value. */
const CONFIG: GatewayConfig = gatewayPart(
  testConfig({
    apps: [
      testApp({
        path: '/shop',
        hosts: ['shop.example'],
        timeouts: { requestFor: [{ prefix: '/export/', timeout: 1 }] },
        rootPath: '/outer',
        affinity: { kind: 'header', name: 'x-session' },
        pools: [{ name: 'export', paths: ['/export'], workers: 2 }],
        sendfileRoots: ['/srv/media'],
        staticMounts: [{ url: '/static/', directory: '/srv/static' }],
      }),
    ],
    limits: { temporaryBytes: 1 },
    errorPages: [{ status: 502, format: 'html', content: 'c' }],
    accessLog: { path: '-', format: 'common', minStatus: 0, slowerThan: 0 },
    statsd: { address: { kind: 'udp', host: 'stats', port: 8125 }, prefix: 'shop', tags: '', backlog: false },
    syslog: {
      address: { kind: 'unix', path: '/dev/log' },
      name: 'shop',
      facility: 1,
      access: { format: 'common', minStatus: 0, slowerThan: 0 },
    },
    health: { live: '/live', ready: '/ready' },
    gatewayIdentity: { uid: 33, gid: 33, userName: 'www-data' },
  }),
)
const FILES = [{ path: '/srv/app.py', modified: 1795245630123.5, size: 812 }]
const FRAME = { file: 'a.py', line: 3, name: 'f', isOwn: true, column: 0, firstLine: 2, source: ['x'] }
const REPORT: ErrorReport = {
  exceptions: [{ type: 'KeyError', message: 'x', relation: 'cause', omitted: 0, frames: [FRAME] }],
  text: 'Traceback',
}
const TLS = {
  entries: [
    {
      names: ['example.kr', '*.example.kr'],
      isDefault: true,
      certificates: [{ chain: 'chain', key: 'key', staple: '', stapleUntil: 1_800_000_000_000 }],
      minVersion: 'TLSv1.2',
      ciphers: 'TLS_AES_128_GCM_SHA256',
      policy: 'a0'.repeat(32),
      clients: { isRequired: true, authorities: 'ca', revoked: '', depth: null },
    },
  ],
  ticketSecrets: ['b1'.repeat(64)],
} as const
const UPSTREAM: Upstream = {
  name: 'back',
  protocol: 'http',
  servers: [
    {
      label: '10.0.0.1:8000',
      address: { kind: 'tcp', host: '10.0.0.1', port: 8000 },
      weight: 3,
      maxFails: 1,
      failTimeout: 10_000,
      maxConns: 0,
      slowStart: 0,
      isBackup: false,
      isDown: false,
      isDraining: true,
    },
  ],
  balance: 'hash',
  hashKey: '$arg_x',
  keepalive: 128,
  keepaliveTimeout: 4000,
  queueTimeout: 0,
  queue: { most: 100, timeout: 5000 },
  ejection: { failures: 5, rate: 50, requests: 20, window: 10_000, time: 30_000, share: 50 },
  sticky: { cookie: 'srv', ttl: 3600, path: '/', domain: 'a.test', sameSite: 'Lax' },
  healthCheck: {
    path: '/up',
    interval: 5000,
    timeout: 2000,
    fails: 2,
    passes: 2,
    leastStatus: 200,
    mostStatus: 399,
    header: { name: 'x-state', value: 'up' },
    body: 'well',
    tls: 0,
  },
  isSingle: false,
  place: { file: 'jumak.toml', line: 1, column: 1 },
}
const FROM_MASTER: Examples<MasterToGateway> = {
  start: [
    {
      type: 'start',
      affinityKey: 'a0'.repeat(32),
      build: version,
      config: CONFIG,
      listeners: [
        {
          fd: 3,
          display: 'unix:/run/app.sock',
          unixPath: '/run/app.sock',
          port: 0,
          isShared: false,
          scheme: 'http',
          hasProxyHeader: false,
        },
      ],
      waits: false,
      tls: TLS,
    },
  ],
  'worker-add': [
    {
      type: 'worker-add',
      app: 'shop',
      pool: 'export',
      worker: 7,
      pid: 4711,
      socket: '/run/w7.sock',
      slots: 4,
      generation: 1,
      path: '/shop',
      maxRequests: 0,
      isApart: false,
      hasServed: false,
      interface: 'asgi',
      isGreen: false,
      warmup: [{ scheme: 'https', authority: 'shop.example', target: '/a?b' }],
    },
  ],
  'worker-drain': [{ type: 'worker-drain', worker: 7 }],
  'worker-debugged': [{ type: 'worker-debugged', worker: 7, isDebugged: true }],
  https: [{ type: 'https', https: { redirect: true, hsts: 300 } }],
  'trusted-proxies': [{ type: 'trusted-proxies', ranges: ['10.0.0.0/8', 'unix'] }],
  'error-pages': [{ type: 'error-pages', pages: [{ status: 502, format: 'html', content: 'c' }] }],
  upstreams: [{ type: 'upstreams', upstreams: [UPSTREAM] }],
  serve: [
    { type: 'serve', app: 'shop', generation: 2, path: '/shop' },
    { type: 'serve', app: 'shop', generation: 2, path: '' },
  ],
  stopping: [{ type: 'stopping' }],
  drain: [{ type: 'drain', deadlineMs: 30_000, handedOn: [3] }],
  accept: [{ type: 'accept' }],
  'no-worker': [{ type: 'no-worker', app: 'shop' }],
  static: [{ type: 'static', app: 'shop', mounts: [{ url: '/static/', directory: '/srv/static' }] }],
  apps: [{ type: 'apps', apps: CONFIG.apps, affinityKey: 'a0'.repeat(32), sites: CONFIG.sites }],
  tls: [{ type: 'tls', tls: TLS }],
  'reopen-logs': [{ type: 'reopen-logs' }],
  'log-level': [{ type: 'log-level', level: 'debug' }],
  report: [{ type: 'report', id: 7 }],
  ping: [{ type: 'ping' }],
  hold: [{ type: 'hold', app: 'shop' }],
  sources: [{ type: 'sources', app: 'shop', generation: 1, files: FILES }],
  broken: [{ type: 'broken', app: 'shop', message: 'SyntaxError', report: REPORT, files: FILES }],
}
const FROM_GATEWAY: Examples<GatewayToMaster> = {
  pong: [{ type: 'pong' }],
  accepting: [{ type: 'accepting' }],
  reported: [
    {
      type: 'reported',
      id: 7,
      connections: 12,
      http2Connections: 2,
      streams: 40,
      pools: [{ app: 'shop', pool: 'export', waiting: 1, answered: 1012, perSecond: 3.5 }],
      workers: [
        {
          worker: 7,
          answered: 1012,
          running: 1,
          requests: [{ id: 'k3f9x2ab-1z', method: 'GET', path: '/', state: 'running', milliseconds: 30 }],
        },
      ],
      upstreams: [
        {
          waiting: 2,
          name: 'back',
          servers: [
            {
              label: '10.0.0.1:8000',
              running: 1,
              requests: 9,
              failures: 0,
              isOut: false,
              isEjected: false,
              isDraining: true,
            },
          ],
        },
      ],
    },
  ],
  'code-changed': [{ type: 'code-changed', app: 'shop', path: '/srv/app.py' }],
  listening: [{ type: 'listening' }],
  'in-flight': [{ type: 'in-flight', count: 0 }],
  'worker-warming': [{ type: 'worker-warming', worker: 7 }],
  'worker-cold': [{ type: 'worker-cold', worker: 7, note: 'GET / answered 500' }],
  'worker-linked': [{ type: 'worker-linked', worker: 7 }],
  request: [
    {
      type: 'request',
      request: 'r',
      method: 'GET',
      target: '/',
      status: 200,
      milliseconds: 1,
      isApplication: true,
      app: '',
    },
  ],
  'worker-drained': [{ type: 'worker-drained', worker: 7 }],
  'worker-lost': [{ type: 'worker-lost', worker: 7, reason: 'closed by the worker' }],
  'worker-stuck': [{ type: 'worker-stuck', worker: 7, note: 'n', request: 'r', thread: '0x00007f3a5c0b1740' }],
  'worker-spent': [{ type: 'worker-spent', worker: 7, requests: 1000 }],
  'worker-blocked': [{ type: 'worker-blocked', worker: 7, note: 'n' }],
  drained: [{ type: 'drained', cut: 0 }],
  log: [{ type: 'log', level: 'warn', message: 'm', request: 'r', app: 'shop' }],
}
/** The fields of each message, to compare with the vectors. `python/tests/test_messages.py` compares the vectors with Python's checks. */
const TO_PRELOADER: { readonly [T in MasterToPreloader['type']]: FieldsOf<MasterToPreloader, T> } = {
  start: {
    build: 1,
    generation: 1,
    masterPid: 1,
    runtimeDirectory: 1,
    directory: 1,
    module: 1,
    file: 1,
    attributes: 1,
    factory: 1,
    paste: 1,
    display: 1,
    settingsFrom: 1,
    threads: 1,
    concurrency: 1,
    workerClass: 1,
    links: 1,
    lifespan: 1,
    rootPath: 1,
    findStatic: 1,
    isDevelopment: 1,
    isCheck: 1,
    terminal: 1,
    multiprocess: 1,
    preload: 1,
    locateHazards: 1,
    identity: 1,
    isApart: 1,
    postFork: 1,
    configuration: 1,
    importPath: 1,
    interface: 1,
    loop: 1,
    logConfig: 1,
    loggers: 1,
  },
  evaluate: { build: 1, masterPid: 1, directory: 1, path: 1, module: 1, display: 1 },
  stopping: {},
  fork: { worker: 1, token: 1 },
  'output-opened': { worker: 1 },
  signal: { worker: 1, signal: 1 },
}
const TO_WORKER: { readonly [T in MasterToWorker['type']]: FieldsOf<MasterToWorker, T> } = {
  stop: {},
  stacks: { thread: 1 },
}
type FieldsOf<M extends { readonly type: string }, T> = Readonly<
  Record<Exclude<keyof Extract<M, { readonly type: T }>, 'type'>, 1>
>

interface Vector {
  readonly channel: 'preloader' | 'worker'
  readonly from: 'master' | 'python'
  readonly message: Message
}
const VECTORS: readonly Vector[] = JSON.parse(
  readFileSync(new URL('../../test/vectors/control.json', import.meta.url), 'utf8'),
)
const fromPython = (channel: string) =>
  VECTORS.filter(one => one.channel === channel && one.from === 'python').map(({ message }) => message)
const WAYS: readonly (readonly [string, Parameters<typeof findShapeError>[1], readonly Message[]])[] = [
  ['preloader to master', PRELOADER_SHAPES, fromPython('preloader')],
  ['worker to master', WORKER_SHAPES, fromPython('worker')],
  ['gateway to master', GATEWAY_SHAPES, Object.values(FROM_GATEWAY).flat() as unknown as Message[]],
  ['master to gateway', MASTER_SHAPES, Object.values(FROM_MASTER).flat() as unknown as Message[]],
]

/** `message.field`, without indexes of lists. */
const NULLABLE: ReadonlySet<string> = new Set([
  'loaded.static',
  'ready.static',
  'exited.code',
  'exited.signal',
  'start.config.accessLog',
  'start.config.statsd',
  'start.config.syslog',
  'start.config.syslog.access',
  'start.config.gatewayIdentity',
  'start.config.apps.affinity',
  'apps.apps.affinity',
  'start.config.health.live',
  'start.config.https.hsts',
  'https.https.hsts',
  'start.tls',
  'start.tls.entries.clients',
  'start.tls.entries.certificates.stapleUntil',
  'tls.tls.entries.certificates.stapleUntil',
  'start.tls.entries.clients.depth',
  'tls.tls.entries.clients',
  'tls.tls.entries.clients.depth',
  'start.config.health.ready',
  'start.config.limits.temporaryBytes',
  'upstreams.upstreams.hashKey',
  'upstreams.upstreams.queue',
  'upstreams.upstreams.ejection',
  'upstreams.upstreams.sticky',
  'upstreams.upstreams.sticky.ttl',
  'upstreams.upstreams.sticky.domain',
  'upstreams.upstreams.healthCheck',
  'upstreams.upstreams.healthCheck.header',
  'upstreams.upstreams.healthCheck.header.value',
  'upstreams.upstreams.healthCheck.body',
  'upstreams.upstreams.healthCheck.tls',
  'start.config.apps.pools.workers',
  'apps.apps.pools.workers',
  'start.listeners.unixPath',
  'broken.report',
])
const MAY_BE_MISSING: ReadonlySet<string> = new Set(['log.request', 'log.app'])
/** Numbers that may be negative, or have a fraction. */
/** Who reads them checks each part. */
const OPAQUE = /^evaluated\.values$/
const MAY_BE_NEGATIVE = /\.modified$/
const MAY_BE_FRACTIONS = /\.modified$|\.perSecond$|\.importMs$|\.deadlineMs$|\.timeouts\.|\.slowerThan$/
const LONG = 'x'.repeat(33 * 1024 * 1024)

/** Copies of the value, each with one part wrong, in every way that its kind allows. `undefined`: missing. */
function* spoil(value: unknown, path: string): Generator<unknown> {
  if (!MAY_BE_MISSING.has(path)) yield undefined
  if (!NULLABLE.has(path)) yield null
  if (typeof value === 'number') {
    yield* [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e300, -1e300, String(value), true, [], {}]
    if (!MAY_BE_NEGATIVE.test(path)) yield* [-1, 2 ** 53]
    if (!MAY_BE_FRACTIONS.test(path)) yield value + 0.5
  } else if (typeof value === 'string') {
    yield* [7, true, [value], {}, LONG]
  } else if (typeof value === 'boolean') {
    yield* [0, 1, 'true', [], {}]
  } else if (Array.isArray(value)) {
    yield* [{}, 'x', 7, new Array(100_001).fill(value[0])]
    for (let i = 0; i < value.length; i++)
      for (const bad of spoil(value[i], path)) if (bad !== undefined || i > 0) yield value.with(i, bad)
  } else if (value !== null) {
    yield* [[], 'x', 7]
    if (OPAQUE.test(path)) return
    for (const [name, inner] of Object.entries(value as Fields))
      for (const bad of spoil(inner, `${path}.${name}`)) yield { ...(value as Fields), [name]: bad }
  }
}

for (const [way, shapes, examples] of WAYS) {
  test(`${way}: every example is believed, and there is one of each message and field`, () => {
    for (const message of examples) assert.equal(findShapeError(message, shapes), null)
    for (const [type, checks] of Object.entries(shapes)) {
      const fields = new Set(examples.filter(one => one.type === type).flatMap(one => Object.keys(one)))
      assert.deepEqual([...fields].sort(), ['type', ...Object.keys(checks)].sort(), type)
    }
  })

  test(`${way}: each field that is wrong is refused and named`, () => {
    for (const message of examples) {
      for (const [name, value] of Object.entries(message)) {
        if (name === 'type') continue
        for (const bad of spoil(value, `${message.type}.${name}`)) {
          const error = findShapeError({ ...message, [name]: bad }, shapes)
          if (error === null) assert.fail(`${message.type}.${name} = ${describe(bad)} is believed`)
          assert.ok(error.startsWith(`field '${name}`) && error.includes(`of message '${message.type}'`), error)
          assert.ok(error.length < 1000, 'an endless reason')
        }
      }
    }
  })

  test(`${way}: whatever comes is refused or believed, and nothing is thrown`, () => {
    const anything = fc.oneof(fc.anything(), fc.jsonValue(), fc.double(), fc.string({ maxLength: 5000 }))
    const changed = fc
      .tuple(fc.constantFrom(...examples), fc.dictionary(fc.constantFrom(...Object.keys(examples[0]!)), anything))
      .map(([message, changes]) => ({ ...message, ...changes }))
    fc.assert(
      fc.property(fc.oneof(anything, changed), message => {
        const error = findShapeError(message, shapes)
        assert.ok(error === null || error.length > 0)
      }),
    )
  })
}

test('the vectors have every field that the master sends to Python', () => {
  for (const [channel, types] of [
    ['preloader', TO_PRELOADER],
    ['worker', TO_WORKER],
  ] as const)
    for (const [type, fields] of Object.entries(types)) {
      const found = VECTORS.filter(one => one.channel === channel && one.from === 'master' && one.message.type === type)
      for (const { message } of found)
        assert.deepEqual(Object.keys(message).sort(), ['type', ...Object.keys(fields)].sort())
    }
})

class FakeProcess extends EventEmitter {
  connected = true
}

test('what the other end of the IPC channel sends is delivered when it is a message, else told', () => {
  for (const open of [openGatewayChannel, openMasterChannel]) {
    const end = new FakeProcess()
    const heard: unknown[] = []
    open(end).onMessage(
      (message: unknown) => heard.push(message),
      reason => heard.push(reason),
    )
    const sound = open === openMasterChannel ? { type: 'pong' } : { type: 'ping' }
    for (const message of [sound, 7, { type: 'toString' }]) end.emit('message', message)
    assert.deepEqual(heard, [sound, 'a message that is not an object', 'an unknown message type "toString"'])
  }
})

test('a gateway hears of another build before anything else that may differ', () => {
  const error = findShapeError({ type: 'start', build: '0.0.0-old' }, MASTER_SHAPES)
  assert.match(error!, /'build' of message 'start', which is "0\.0\.0-old" and should be .* restart Jumak/)
})

function describe(value: unknown): string {
  return JSON.stringify(value)?.slice(0, 100) ?? String(value)
}

test('the gateway is told no variables of the application', () => {
  const part = gatewayPart(testConfig({ apps: [testApp({ variables: { SECRET_KEY: 'x' } })] }))
  assert.ok(!JSON.stringify(part).includes('SECRET_KEY'))
  assert.equal(part.apps[0]!.timeouts.request, 30_000)
})
