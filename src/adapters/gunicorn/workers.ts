/** gunicorn's section "Worker Processes". Pure. */
import { closest } from '../../base/closest.ts'
import { MAX_CONCURRENCY, MAX_THREADS } from '../../config/settings/workers.ts'
import { type AnyOption, idle, type Section, works } from '../option.ts'
import { className, oneOf, wholeNumber } from '../shapes.ts'
import type { Translation } from '../translation.ts'
import { clamped } from './limits.ts'
import { CLASS_NAMES, kindOf, kindOfWorker, type WorkerKind } from './worker-class.ts'

/** Seconds: the longest time of a timer. Longer is no limit. */
const LONGEST = 2_147_483

const seconds = (value: number) => (value > LONGEST ? '0' : `${value}`)

const number = (name: string, flagName: string, standard: string, doc: string, setting: string): AnyOption =>
  works(name, { flags: [`--${flagName}`], shape: wholeNumber(), standard, doc }, `\`--${setting}\``, (value, to) =>
    to.set(setting, `${value}`),
  )

export const WORKERS: Section = {
  title: 'Worker Processes',
  options: [
    works(
      'workers',
      {
        flags: ['-w', '--workers'],
        shape: wholeNumber(1),
        standard: '1',
        doc: 'Worker processes; also $WEB_CONCURRENCY.',
      },
      '`--workers`',
      (count, to) => to.set('workers', `${count}`),
    ),
    works(
      'worker_class',
      {
        flags: ['-k', '--worker-class'],
        shape: className(),
        standard: 'sync',
        doc: 'Kind of workers: sync, gthread, asgi, gevent, or a class.',
      },
      'sync and gthread: `--threads`; gevent: `--worker-class gevent`, eventlet too; asgi and `uvicorn.workers.UvicornWorker`: ASGI, which is noticed without it; others are not supported',
      workerClass,
    ),
    works(
      'threads',
      { flags: ['--threads'], shape: wholeNumber(1), standard: '1', doc: 'Requests that each worker runs at a time.' },
      '`--threads`; only for sync and gthread, as there',
      (count, to) => {
        if (['sync', 'thread'].includes(kindOfWorker(to))) to.set('threads', clamped(count, 1, MAX_THREADS, to))
      },
    ),
    works(
      'worker_connections',
      {
        flags: ['--worker-connections'],
        shape: wholeNumber(1),
        standard: '1000',
        doc: 'Most clients at a time of a worker with many.',
      },
      'asgi and gevent: `--concurrency`; others: the gateway has the connections (`--limit-connections`)',
      (count, to) => {
        const isOfLoop = ['asgi', 'gevent', 'eventlet'].includes(kindOfWorker(to))
        if (isOfLoop) to.set('concurrency', clamped(count, 1, MAX_CONCURRENCY, to))
        else to.tell('is not needed: connections of clients take no worker')
      },
    ),
    number('max_requests', 'max-requests', '0', 'Requests after which a worker is replaced; 0: never.', 'max-requests'),
    number(
      'max_requests_jitter',
      'max-requests-jitter',
      '0',
      'Largest random number that is added to it.',
      'max-requests-jitter',
    ),
    works(
      'timeout',
      {
        flags: ['-t', '--timeout'],
        shape: wholeNumber(),
        standard: '30',
        doc: 'Seconds after which a worker that is stuck is replaced; 0: never.',
      },
      '`--timeout`; in workers with several requests at a time it is for one that is stuck as a whole, as there (`--timeout-for /=0`)',
      (value, to) => to.set('timeout', seconds(value)),
    ),
    works(
      'graceful_timeout',
      {
        flags: ['--graceful-timeout'],
        shape: wholeNumber(),
        standard: '30',
        doc: 'Seconds that running requests have at a stop or a reload.',
      },
      '`--graceful-timeout`',
      (value, to) => to.set('graceful-timeout', seconds(value)),
    ),
    works(
      'keepalive',
      {
        flags: ['--keep-alive'],
        shape: wholeNumber(),
        standard: '2',
        doc: 'Seconds that an idle connection stays open.',
      },
      '`--keep-alive`, for sync workers too; 0 is one second',
      (value, to) => {
        if (value === 0) to.tell('is one second here: 0 would close connections before their first request')
        to.set('keep-alive', value === 0 ? '1' : `${Math.min(value, LONGEST)}`)
      },
    ),
    works(
      'asgi_loop',
      {
        flags: ['--asgi-loop'],
        shape: oneOf('auto', 'asyncio', 'uvloop'),
        standard: 'auto',
        doc: 'Event loop of ASGI: auto, asyncio or uvloop.',
      },
      '`--loop`',
      (loop, to) => to.set('loop', loop),
    ),
    works(
      'asgi_lifespan',
      {
        flags: ['--asgi-lifespan'],
        shape: oneOf('auto', 'on', 'off'),
        standard: 'auto',
        doc: "An ASGI application's start-up and shut-down: auto, on or off.",
      },
      '`--lifespan`',
      (mode, to) => to.set('lifespan', mode),
    ),
    idle(
      'asgi_disconnect_grace_period',
      {
        flags: ['--asgi-disconnect-grace-period'],
        shape: wholeNumber(),
        standard: '3',
        doc: 'Seconds that an ASGI application has when its client has gone.',
      },
      'is not needed: the application is told of it, and is not cut off',
    ),
    works(
      'websocket_max_message_size',
      {
        flags: ['--websocket-max-message-size'],
        shape: wholeNumber(1),
        standard: '16777216',
        doc: 'Longest message of a WebSocket, in bytes.',
      },
      '`--ws-max-size`',
      (bytes, to) => to.set('ws-max-size', `${bytes}`),
    ),
    idle(
      'http_parser',
      {
        flags: ['--http-parser'],
        shape: oneOf('auto', 'fast', 'python'),
        standard: 'auto',
        doc: 'What reads HTTP for ASGI: auto, fast or python.',
      },
      'is not needed: the gateway reads HTTP',
    ),
  ],
}

/** What other kinds would do there, and what to write here. */
const OTHER_KINDS: Readonly<Partial<Record<WorkerKind, readonly [would: string, instead: string]>>> = {
  tornado: ['would run an application of Tornado', 'start it by itself, behind a proxy'],
  other: ['would run workers of a class of its own', 'leave it out: Jumak finds whether it is WSGI or ASGI'],
}

function workerClass(name: string, to: Translation): void {
  const kind = kindOf(name)
  const refusal = OTHER_KINDS[kind]
  // A class of one's own has its module in front, or is an entry point as in egg:package#name.
  if (kind === 'other' && /^\w+$/.test(name)) rejectUnknown(name, to)
  else if (refusal !== undefined) to.refuse(...refusal)
  else if (kind === 'gevent' && /WebSocket/.test(name))
    to.refuse('would give greenlets WebSockets', 'write --threads 50 in its place, where a WebSocket has a thread')
  else if (kind === 'gevent' || kind === 'eventlet') {
    to.set('worker-class', 'gevent')
    if (kind === 'eventlet')
      to.tell(
        'is gevent here, which must be installed: gunicorn 26 has no eventlet any more; take eventlet.monkey_patch() out',
      )
  } else if (kind === 'asgi' && !isPlainAsgi(name))
    to.tell(`is uvicorn's class here: what ${name} says of its own, as in CONFIG_KWARGS, is not read`)
}

function rejectUnknown(name: string, to: Translation): void {
  const meant = closest(name, CLASS_NAMES)
  const hint = meant === null ? '' : `; did you mean ${meant}?`
  to.reject(`must name a class of gunicorn, or a class with its module, not '${name}'${hint}`)
}

function isPlainAsgi(name: string): boolean {
  return /^(?:asgi|(?:uvicorn\.workers|uvicorn_worker|gunicorn\.workers\.gasgi)\.\w+)$/.test(name)
}
