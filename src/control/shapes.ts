/**
 * The shape of every message between the processes. A message is checked where it is read: master, gateway. The application's code runs
 * in the processes that send from Python. So a wrong field must become one clear error that costs only its sender, never an exception
 * somewhere in the reader.
 *
 * Invariant: each field of each message has a check, or the compiler complains.
 * Not here: whether a message fits the moment and its sender (the handles in `master/fleet/`), what Python reads
 * (`python/jumak_worker/process/messages.py`), what crosses the wire (`apps/wire/`).
 */
import {
  anObject,
  type Check,
  type Checks,
  flag,
  listOf,
  numberFrom,
  object,
  oneOf,
  optional,
  orNull,
  show,
  text,
  textLike,
  wholeNumber,
} from '../base/checks.ts'
import { version } from '../base/version.ts'
import type { StaticMount, WarmupRequest } from '../config/types.ts'
import { WORKER_TRAFFIC } from './admin-shapes.ts'
import {
  appName,
  errorPages,
  gatewayApps,
  gatewayConfig,
  https,
  nameOrNone,
  poolName,
  trustedRanges,
} from './config-shape.ts'
import type {
  ErrorReport,
  ForkHazard,
  FoundStatic,
  GatewayToMaster,
  InheritedListener,
  LoadedApplication,
  LoadFailure,
  MasterToGateway,
  PreloaderToMaster,
  ReportedException,
  ReportedFrame,
  ReportedPool,
  ReportedServer,
  ReportedUpstream,
  ReportedWorker,
  SourceFile,
  WorkerToMaster,
} from './messages.ts'
import { sitesModel, UPSTREAM } from './sites-shape.ts'
import { gatewayTls } from './tls-messages.ts'

/** All messages of one channel in one direction: the checks by type and field. */
export type Shapes<Message extends { readonly type: string }> = {
  readonly [Type in Message['type']]: Checks<Omit<Extract<Message, { readonly type: Type }>, 'type'>>
}

/** Characters of a path, a name, or a sentence of ours. */
const MAX_TEXT = 4096
/** Characters of the application's own words. A line of a channel may be as long. */
const MAX_WORDS = 1024 * 1024
/** Characters of what the gateway logs. It may contain the path of a request, and a head has 16 MiB at most. */
const MAX_LOGGED = 32 * 1024 * 1024
/** Linux goes up to 4 million, containers and macOS to less. */
const MAX_PID = 2 ** 31 - 1
/** Numbers of workers and generations: enough for a new one each millisecond for three weeks. */
const MAX_NUMBER = 2 ** 31 - 1
/** The greatest `--concurrency`; `--threads` has far less. The worker's handle compares with what was really set. */
const MAX_SLOTS = 65_536
/** Milliseconds: the greatest date of JavaScript. A file may have any date. */
const MAX_DATE = 8.64e15
/** Ten times what `sources.py` notes: the files of a generation come in several messages. */
const MAX_FILES = 50_000
const MAX_FD = 2 ** 20
/** Listening sockets, for a host with very many addresses and ports. */
const MAX_LISTENERS = 4096
const MAX_MOUNTS = 10_000
/** Far more than one gateway can serve. */
const MAX_POOLS = 10_000
/** And servers of one. */
const MAX_UPSTREAMS = 10_000
const MAX_WORKERS = 100_000
/** 24 days: the longest timer of Node. */
const MAX_DELAY_MS = 2 ** 31 - 1

const HAZARD_KINDS: Readonly<Record<ForkHazard['kind'], true>> = {
  thread: true,
  process: true,
  socket: true,
  pipe: true,
  file: true,
  lock: true,
  memory: true,
  descriptor: true,
}

const line = text(MAX_TEXT)
const words = text(MAX_WORDS)
const logged = text(MAX_LOGGED)
const count = wholeNumber(0, Number.MAX_SAFE_INTEGER)
const number = wholeNumber(1, MAX_NUMBER)
const pid = wholeNumber(1, MAX_PID)
const slots = wholeNumber(1, MAX_SLOTS)
const level = oneOf(['debug', 'info', 'warn', 'error'])
const wire = oneOf(['wsgi', 'asgi'])
/** A thread as `faulthandler` writes it. Empty: none, or all. */
const thread = textLike(/^(0x[0-9a-f]{16})?$/, 18, 'a thread as 0x00007f3a5c0b1740')
const signal = textLike(/^(SIG[A-Z0-9+-]+|signal \d+)$/, 20, 'the name of a signal')
const directory = textLike(/^\//, MAX_TEXT, 'an absolute path')

const affinityKey = textLike(/^[0-9a-f]{64}$/, 64, '64 hexadecimal digits')
/** It differs when the program's files were replaced while it runs: then a new gateway is of another build than its master. */
const ownBuild = oneOf([version], `${version}, as the gateway is: restart Jumak`)

/** Of an application: as `path` of its configuration. */
const appPath = textLike(/^(\/.*)?$/s, MAX_TEXT, 'empty, or a path')
const folder = textLike(/^\/(.*\/)?$/s, MAX_TEXT, 'a path as /static/')
const mount = object<StaticMount>({ url: folder, directory })
const foundStatic = object<FoundStatic>({
  mounts: listOf(mount, MAX_MOUNTS),
  finders: listOf(folder, MAX_MOUNTS),
  none: line,
})
const application: Checks<LoadedApplication> = {
  python: textLike(/^\d+\.\d+\.\d+$/, 20, 'a version'),
  application: line,
  framework: line,
  importMs: numberFrom(0, Number.MAX_SAFE_INTEGER),
  interface: wire,
  static: orNull(foundStatic),
}
const failure: Checks<LoadFailure> = { message: words, traceback: words }
const hazards = listOf(object<ForkHazard>({ kind: oneOf(Object.keys(HAZARD_KINDS)), what: line }), 100)
const files = listOf(
  object<SourceFile>({ path: directory, modified: numberFrom(-MAX_DATE, MAX_DATE), size: count }),
  MAX_FILES,
)
const frame = object<ReportedFrame>({
  file: line,
  line: count,
  name: line,
  isOwn: flag,
  column: count,
  firstLine: count,
  source: listOf(line, 1000),
})
const exception = object<ReportedException>({
  type: line,
  message: words,
  relation: oneOf(['', 'cause', 'context']),
  omitted: count,
  frames: listOf(frame, 1000),
})
const report = object<ErrorReport>({ exceptions: listOf(exception, 100), text: words })
const warmup = object<WarmupRequest>({
  scheme: oneOf(['http', 'https']),
  authority: line,
  target: textLike(/^\//, MAX_TEXT, 'a path'),
})
const listener = object<InheritedListener>({
  fd: wholeNumber(3, MAX_FD),
  display: line,
  unixPath: orNull(directory),
  port: wholeNumber(0, 65_535),
  isShared: flag,
  scheme: oneOf(['http', 'https', 'fastcgi', 'scgi', 'uwsgi']),
  hasProxyHeader: flag,
})

const reportedPool = object<ReportedPool>({
  app: line,
  pool: line,
  waiting: count,
  answered: count,
  perSecond: numberFrom(0, Number.MAX_SAFE_INTEGER),
})

const reportedUpstream = object<ReportedUpstream>({
  name: line,
  waiting: count,
  servers: listOf(
    object<ReportedServer>({
      label: line,
      running: count,
      requests: count,
      failures: count,
      isOut: flag,
      isEjected: flag,
      isDraining: flag,
    }),
    MAX_UPSTREAMS,
  ),
})

/** For the wire: there the same processes send reports, too. */
export function isErrorReport(value: unknown): value is ErrorReport {
  return report(value) === null
}

export const PRELOADER_SHAPES: Shapes<PreloaderToMaster> = {
  loaded: { hazards, notes: listOf(line, 100), ...application },
  waiting: {},
  imported: { files },
  report: { report },
  'load-failed': failure,
  evaluated: { values: anObject },
  unsafe: { hazards, interface: wire },
  forked: { worker: number, pid, output: directory },
  'fork-failed': { worker: number, message: line },
  exited: { worker: number, pid, code: orNull(wholeNumber(0, 255)), signal: orNull(signal) },
}

export const WORKER_SHAPES: Shapes<WorkerToMaster> = {
  hello: { build: line, worker: number, pid, token: text(100) },
  ready: { socket: directory, slots, ...application },
  'load-failed': failure,
  stacks: { text: words },
  debugging: { isDebugged: flag },
  imported: { files },
  report: { report },
}

export const GATEWAY_SHAPES: Shapes<GatewayToMaster> = {
  pong: {},
  'code-changed': { app: appName, path: directory },
  listening: {},
  accepting: {},
  'in-flight': { count },
  reported: {
    id: count,
    connections: count,
    http2Connections: count,
    streams: count,
    pools: listOf(reportedPool, MAX_POOLS),
    workers: listOf(object<ReportedWorker>({ worker: number, ...WORKER_TRAFFIC }), MAX_WORKERS),
    upstreams: listOf(reportedUpstream, MAX_UPSTREAMS),
  },
  'worker-warming': { worker: number },
  'worker-cold': { worker: number, note: logged },
  'worker-linked': { worker: number },
  'worker-drained': { worker: number },
  'worker-lost': { worker: number, reason: words },
  'worker-stuck': { worker: number, note: logged, request: line, thread },
  'worker-spent': { worker: number, requests: count },
  'worker-blocked': { worker: number, note: words },
  drained: { cut: count },
  request: {
    request: line,
    method: logged,
    target: logged,
    status: wholeNumber(100, 999),
    milliseconds: count,
    isApplication: flag,
    app: nameOrNone,
  },
  log: { level, message: logged, request: optional(line), app: optional(nameOrNone) },
}

export const MASTER_SHAPES: Shapes<MasterToGateway> = {
  // The build comes first: another build may have another configuration.
  start: {
    build: ownBuild,
    config: gatewayConfig,
    affinityKey,
    listeners: listOf(listener, MAX_LISTENERS),
    tls: orNull(gatewayTls),
    waits: flag,
  },
  accept: {},
  'worker-add': {
    app: appName,
    pool: poolName,
    worker: number,
    pid,
    socket: directory,
    slots,
    generation: number,
    path: appPath,
    maxRequests: count,
    hasServed: flag,
    interface: wire,
    isGreen: flag,
    isApart: flag,
    warmup: listOf(warmup, 1000),
  },
  'worker-drain': { worker: number },
  'worker-debugged': { worker: number, isDebugged: flag },
  serve: { app: appName, generation: number, path: appPath },
  stopping: {},
  drain: {
    deadlineMs: numberFrom(0, MAX_DELAY_MS),
    handedOn: listOf(wholeNumber(3, MAX_FD), MAX_LISTENERS),
  },
  'no-worker': { app: appName },
  static: { app: appName, mounts: listOf(mount, MAX_MOUNTS) },
  apps: { apps: gatewayApps, affinityKey, sites: sitesModel },
  'error-pages': { pages: errorPages },
  upstreams: { upstreams: listOf(UPSTREAM, MAX_UPSTREAMS) },
  'trusted-proxies': { ranges: trustedRanges },
  https: { https },
  tls: { tls: gatewayTls },
  'reopen-logs': {},
  'log-level': { level },
  report: { id: count },
  ping: {},
  hold: { app: appName },
  sources: { app: appName, generation: number, files },
  broken: { app: appName, message: words, report: orNull(report), files },
}

type AnyShapes = Readonly<Record<string, Readonly<Record<string, Check>>>>

/** Null: `message` is one of `shapes`. Otherwise what is wrong, for the log: `field 'slots' of message 'ready', which is …`. */
export function findShapeError(message: unknown, shapes: AnyShapes): string | null {
  if (typeof message !== 'object' || message === null) return 'a message that is not an object'
  const type = (message as Record<string, unknown>)['type']
  if (typeof type !== 'string' || !Object.hasOwn(shapes, type)) return `an unknown message type ${show(type)}`
  for (const [name, check] of Object.entries(shapes[type]!)) {
    const problem = check((message as Record<string, unknown>)[name])
    if (problem === null) continue
    const { path, value, expected } = problem
    return `field '${name}${path}' of message '${type}', which is ${show(value)} and should be ${expected}`
  }
  return null
}
