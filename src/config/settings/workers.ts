/** Settings of the workers. */
import { parseDuration } from '../duration.ts'
import { count, countOr, parsedBy } from './schemas.ts'
import { defineSetting } from './setting.ts'

/** More would be a slip of the finger: each worker is a process. */
const MAX_WORKERS = 1024
/** Each thread is a slot with a socket of its own, and Python runs one of them at a time. */
const MAX_THREADS = 256

export const workers = defineSetting({
  name: 'workers',
  short: 'w',
  section: 'Workers',
  placeholder: 'N',
  schema: countOr('auto', MAX_WORKERS),
  // Requests that compute need a core each, and more would only take turns.
  default: 'auto',
  doc: 'Worker processes; auto is one for each core, within the CPU quota of a container, at least 2.',
  change: 'live',
})

export const threads = defineSetting({
  name: 'threads',
  section: 'Workers',
  placeholder: 'N',
  schema: count(MAX_THREADS),
  // Safe for every application; threads are for those whose author knows that they are.
  default: '1',
  doc: 'Requests that each worker runs at a time, for applications that wait more than they compute.',
  change: 'reload',
})

export const timeout = defineSetting({
  name: 'timeout',
  section: 'Workers',
  placeholder: 'TIME',
  schema: parsedBy(parseDuration),
  // gunicorn's; nobody waits longer for a page, and load balancers give up at 60 s.
  default: '30s',
  doc: 'How long the application may take to begin its response, and between parts of it, before the client gets 504 and the worker is replaced: 30 (seconds), 500ms, 2m; 0 is no limit.',
  change: 'restart',
})
