/**
 * The shape of every message that Python sends, checked before the master believes it: the application's code runs in
 * those processes, and a wrong field must become one clear error there and not an exception somewhere in the master.
 * Unknown fields are ignored. Answers only "is it well-formed?"; whether a message fits the moment is for the handles.
 */

import type { ErrorReport } from './messages.ts'

type Check = (value: unknown) => boolean

const text: Check = value => typeof value === 'string'
const texts: Check = value => Array.isArray(value) && value.every(text)
const count: Check = value => Number.isSafeInteger(value) && (value as number) >= 0
const duration: Check = value => typeof value === 'number' && Number.isFinite(value) && value >= 0
const hazards: Check = value => Array.isArray(value) && value.every(one => hasFields(one, { kind: text, what: text }))

const mount: Check = value => hasFields(value, { url: text, directory: text })

function oneOf(words: readonly string[]): Check {
  return value => typeof value === 'string' && words.includes(value)
}

function listOf(fields: Readonly<Record<string, Check>>): Check {
  return value => Array.isArray(value) && value.every(one => hasFields(one, fields))
}

function orNull(check: Check): Check {
  return value => value === null || check(value)
}

function hasFields(value: unknown, fields: Readonly<Record<string, Check>>): boolean {
  if (typeof value !== 'object' || value === null) return false
  const object = value as Record<string, unknown>
  return Object.entries(fields).every(([name, check]) => check(object[name]))
}

type Shapes = Readonly<Record<string, Readonly<Record<string, Check>>>>

const APPLICATION = {
  python: text,
  application: text,
  framework: text,
  importMs: duration,
  static: orNull(mount),
  interface: oneOf(['wsgi', 'asgi']),
}
const flag: Check = value => typeof value === 'boolean'
const files: Check = listOf({ path: text, modified: duration, size: count })
const frames: Check = listOf({
  file: text,
  line: count,
  name: text,
  isOwn: flag,
  column: count,
  firstLine: count,
  source: texts,
})
const exceptions: Check = listOf({ type: text, message: text, relation: text, omitted: count, frames })
const FAILURE = { message: text, traceback: text }

/** It comes over the wire as well, from the same processes. */
export function isErrorReport(value: unknown): value is ErrorReport {
  return hasFields(value, { exceptions, text })
}

/** PreloaderToMaster by type. */
export const PRELOADER_SHAPES: Shapes = {
  loaded: { notes: texts, ...APPLICATION },
  waiting: {},
  imported: { files },
  report: { report: isErrorReport },
  'load-failed': FAILURE,
  unsafe: { hazards },
  forked: { worker: count, pid: count, output: text },
  'fork-failed': { worker: count, message: text },
  exited: { worker: count, pid: count, code: orNull(count), signal: orNull(text) },
}

/** WorkerToMaster by type. */
export const WORKER_SHAPES: Shapes = {
  hello: { build: text, worker: count, pid: count },
  ready: { socket: text, slots: count, ...APPLICATION },
  'load-failed': FAILURE,
  stacks: { text },
  debugging: { isDebugged: flag },
  imported: { files },
  report: { report: isErrorReport },
}

/** Null when `message` is one of `shapes`, else what is wrong with it, for the log. */
export function findShapeError(message: unknown, shapes: Shapes): string | null {
  if (typeof message !== 'object' || message === null) return 'a message is not an object'
  const type = (message as Record<string, unknown>)['type']
  if (typeof type !== 'string' || !Object.hasOwn(shapes, type)) return `unknown message type ${JSON.stringify(type)}`
  for (const [name, check] of Object.entries(shapes[type]!)) {
    if (!check((message as Record<string, unknown>)[name])) return `field '${name}' of message '${type}' is wrong`
  }
  return null
}
