/** Names of gunicorn's worker classes, and which kind of worker each is. Pure. */
import type { Translation } from '../translation.ts'

/** `asgi`: an event loop, ours. */
export type WorkerKind = 'sync' | 'thread' | 'asgi' | 'gevent' | 'eventlet' | 'tornado' | 'other'

const SHORT: Readonly<Record<string, WorkerKind>> = {
  sync: 'sync',
  gthread: 'thread',
  asgi: 'asgi',
  gevent: 'gevent',
  gevent_wsgi: 'gevent',
  gevent_pywsgi: 'gevent',
  eventlet: 'eventlet',
  tornado: 'tornado',
}

/** What may be meant by a word without a module. */
export const CLASS_NAMES: readonly string[] = Object.keys(SHORT)

/** Classes of gunicorn, and of packages that have some for it. */
const CLASSES: readonly (readonly [end: string, kind: WorkerKind])[] = [
  ['UvicornWorker', 'asgi'],
  ['UvicornH11Worker', 'asgi'],
  ['ASGIWorker', 'asgi'],
  ['ThreadWorker', 'thread'],
  ['SyncWorker', 'sync'],
  ['GeventWorker', 'gevent'],
  ['GeventPyWSGIWorker', 'gevent'],
  ['GeventWebSocketWorker', 'gevent'],
  ['EventletWorker', 'eventlet'],
  ['TornadoWorker', 'tornado'],
]

/** `egg:gunicorn#sync`: an old way to write it. */
export function kindOf(name: string): WorkerKind {
  const plain = name.trim().replace(/^egg:gunicorn#/, '')
  if (Object.hasOwn(SHORT, plain)) return SHORT[plain]!
  return CLASSES.find(([end]) => plain.endsWith(end))?.[1] ?? 'other'
}

/** As given, or as it is there without: sync, or with several threads gthread. */
export function kindOfWorker(to: Translation): WorkerKind {
  const kind = kindOf(to.valueOf<string>('worker_class') ?? 'sync')
  return kind === 'sync' && (to.valueOf<number>('threads') ?? 1) > 1 ? 'thread' : kind
}

/** One request at a time: there `timeout` is the time of a request. In all other workers it is only for one that is stuck as a whole. */
export function runsOneRequest(to: Translation): boolean {
  return kindOfWorker(to) === 'sync'
}
