/**
 * The shape of every message between the processes, checked where it is read. The application's code runs in those that Python
 * sends: a wrong field must become one clear error there, and cost its sender only, and not be an exception somewhere in the
 * reader. The types make the compiler complain when a field has no check.
 *
 * Answers only "is it well-formed?"; whether a message fits the moment, and its sender, is for the handles. Python checks what it
 * reads in `python/jumak_worker/process/messages.py`, the gateway what crosses the wire in `apps/wire/`.
 */
import {
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
import { errorPages, gatewayConfig } from './config-shape.ts'
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
  SourceFile,
  WorkerToMaster,
} from './messages.ts'

/** All messages of one channel and direction: by type, by field. */
export type Shapes<Message extends { readonly type: string }> = {
  readonly [Type in Message['type']]: Checks<Omit<Extract<Message, { readonly type: Type }>, 'type'>>
}

/** A path, a name, a sentence that is our own. */
const MAX_TEXT = 4096
/** What is the application's own words: a line of a channel may be so long. */
const MAX_WORDS = 1024 * 1024
/** The path of a request may be in what the gateway logs: a head has 16 MiB at most. */
const MAX_LOGGED = 32 * 1024 * 1024
/** The kernel's are 4 million at most, a container's and macOS's fewer. */
const MAX_PID = 2 ** 31 - 1
/** Of workers and generations: a new one each millisecond for three weeks. */
const MAX_NUMBER = 2 ** 31 - 1
/** `--concurrency` has no more, and `--threads` far fewer; what was really set is for the worker's handle. */
const MAX_SLOTS = 65_536
/** Milliseconds of a date as JavaScript knows it. A file may be of any. */
const MAX_DATE = 8.64e15
/** Ten times what `sources.py` notes: a generation's are put together of several messages. */
const MAX_FILES = 50_000
const MAX_FD = 2 ** 20
/** Of one host with all its ports. */
const MAX_LISTENERS = 4096
const MAX_MOUNTS = 10_000
/** 24 days, as long as a timer of Node may be. */
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
/** As `faulthandler` writes it; empty: none, or all. */
const thread = textLike(/^(0x[0-9a-f]{16})?$/, 18, 'a thread as 0x00007f3a5c0b1740')
const signal = textLike(/^(SIG[A-Z0-9+-]+|signal \d+)$/, 20, 'the name of a signal')
const directory = textLike(/^\//, MAX_TEXT, 'an absolute path')

/** A gateway that was started by a program that has been replaced. */
const ownBuild = oneOf([version], `${version}, as the gateway is: restart Jumak`)

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
})

/** It comes over the wire as well, from the same processes. */
export function isErrorReport(value: unknown): value is ErrorReport {
  return report(value) === null
}

export const PRELOADER_SHAPES: Shapes<PreloaderToMaster> = {
  loaded: { hazards, notes: listOf(line, 100), ...application },
  waiting: {},
  imported: { files },
  report: { report },
  'load-failed': failure,
  unsafe: { hazards, interface: wire },
  forked: { worker: number, pid, output: directory },
  'fork-failed': { worker: number, message: line },
  exited: { worker: number, pid, code: orNull(wholeNumber(0, 255)), signal: orNull(signal) },
}

export const WORKER_SHAPES: Shapes<WorkerToMaster> = {
  hello: { build: line, worker: number, pid },
  ready: { socket: directory, slots, ...application },
  'load-failed': failure,
  stacks: { text: words },
  debugging: { isDebugged: flag },
  imported: { files },
  report: { report },
}

export const GATEWAY_SHAPES: Shapes<GatewayToMaster> = {
  pong: {},
  'code-changed': { path: directory },
  listening: {},
  'in-flight': { count },
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
  },
  log: { level, message: logged, request: optional(line) },
}

export const MASTER_SHAPES: Shapes<MasterToGateway> = {
  // First: another build may have another configuration.
  start: { build: ownBuild, config: gatewayConfig, listeners: listOf(listener, MAX_LISTENERS) },
  'worker-add': {
    worker: number,
    pid,
    socket: directory,
    slots,
    generation: number,
    maxRequests: count,
    interface: wire,
    warmup: listOf(warmup, 1000),
  },
  'worker-drain': { worker: number },
  'worker-debugged': { worker: number, isDebugged: flag },
  serve: { generation: number },
  stopping: {},
  drain: { deadlineMs: numberFrom(0, MAX_DELAY_MS) },
  static: { mounts: listOf(mount, MAX_MOUNTS) },
  'error-pages': { pages: errorPages },
  'reopen-logs': {},
  ping: {},
  hold: {},
  sources: { generation: number, files },
  broken: { message: words, report: orNull(report), files },
}

type AnyShapes = Readonly<Record<string, Readonly<Record<string, Check>>>>

/** Null when `message` is one of `shapes`, else what is wrong with it, for the log: `field 'slots' of message 'ready' is …`. */
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
