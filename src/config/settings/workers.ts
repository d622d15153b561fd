/** Settings of the workers: how many, how long they may take, when they are replaced, and which clients they have. */

import { type Affinity, parseAffinity } from '../kinds/affinity.ts'
import { count, countOr, duration, oneOf, onOrOff, size, text } from '../kinds/kinds.ts'
import { type PathTimeout, parsePathTimeout } from '../kinds/path-timeout.ts'
import { input, plain } from './setting.ts'

/** Each worker is a process: a larger number is a typing mistake. */
export const MAX_WORKERS = 1024
/** Each thread is a slot with a socket of its own, and Python runs one of them at a time. */
export const MAX_THREADS = 256
/** Tasks of one event loop; each has its buffers. */
export const MAX_CONCURRENCY = 65_536
const MAX_REQUESTS = 1_000_000_000
/** gunicorn's. Whether an application is ASGI is found out. */
const OTHER_CLASSES: Readonly<Record<string, 'auto' | 'gevent'>> = {
  ...{ sync: 'auto', gthread: 'auto', thread: 'auto', tornado: 'auto', asgi: 'auto', eventlet: 'gevent' },
  ...{ 'uvicorn.workers.UvicornWorker': 'auto', 'uvicorn_worker.UvicornWorker': 'auto' },
}
const MIB = 1024 ** 2
const TIB = 1024 ** 4

export const workers = {
  workers: input({
    name: 'workers',
    short: 'w',
    section: 'Workers',
    placeholder: 'N',
    kind: countOr('auto', 1, MAX_WORKERS),
    default: 'auto',
    defaultText: 'auto, 1 for ASGI',
    why: 'A request that computes needs a core; more workers would only take turns. One event loop serves thousands of clients, and many ASGI applications keep in memory what all clients share.',
    doc: 'Worker processes; auto: one per core (or CPU quota), at least 2.',
    more: 'An ASGI application has one worker unless you give this setting (also as `auto`). With more workers it must not keep in its memory what all clients share. If the setting is not given and `WEB_CONCURRENCY` is set, as platforms do, that is the number. [More](../how-to/how-many-workers.md)',
    change: 'live',
  }),
  threads: plain({
    name: 'threads',
    section: 'Workers',
    placeholder: 'N',
    kind: count(1, MAX_THREADS),
    default: '1',
    why: 'One thread is safe for every application. More are for applications whose author knows that they are thread-safe.',
    doc: 'Requests that each worker runs at a time.',
    more: 'More threads help applications that wait more than they compute. A WebSocket of a WSGI application holds one as long as it is open.',
    change: 'reload',
  }),
  workerClass: plain({
    name: 'worker-class',
    short: 'k',
    section: 'Workers',
    placeholder: 'KIND',
    kind: oneOf(['auto', 'gevent'], OTHER_CLASSES),
    default: 'auto',
    why: 'Threads suit every WSGI application. gevent changes what waits in all of Python, and must be installed.',
    doc: 'What runs requests of WSGI: auto (threads), or gevent (greenlets).',
    more: "With `gevent` a worker runs up to `concurrency` requests at a time, each in a greenlet. gevent's monkey patching comes before the import of the application, so `time.sleep`, sockets and locks let other requests run. `threads` must be 1. An ASGI application has its event loop. [More](../how-to/gevent.md)",
    change: 'reload',
  }),
  concurrency: plain({
    name: 'concurrency',
    section: 'Workers',
    placeholder: 'N',
    kind: count(1, MAX_CONCURRENCY),
    default: '1000',
    why: 'A worker that waits for its database can hold very many requests. Requests that compute had better wait in the queue, where other workers take them.',
    doc: 'Requests that each worker runs at a time, with ASGI or gevent.',
    more: 'A request counts until its response begins; streams and WebSockets that are open do not count.',
    change: 'reload',
  }),
  timeouts: {
    request: plain({
      name: 'timeout',
      short: 't',
      section: 'Workers',
      placeholder: 'TIME',
      kind: duration('no limit'),
      default: '30s',
      why: "gunicorn's; nobody waits longer for a page, and load balancers give up at 60 s.",
      doc: 'Time for the response to begin, and between parts; then 504 and a new worker.',
      change: 'restart',
    }),
    requestFor: input<PathTimeout>({
      name: 'timeout-for',
      section: 'Workers',
      placeholder: 'PREFIX=TIME',
      kind: text('`PREFIX=TIME`, in a file also a table', parsePathTimeout, { table: 'also' }),
      default: null,
      defaultText: 'none',
      why: 'One time is enough for all paths, until an export or an upload needs more, or a health check less.',
      doc: 'Timeout for a path and all below it, as in /export=5m; repeatable.',
      more:
        '`/export` means `/export` and `/export/x`, not `/exports`; of several prefixes the longest counts. An event loop (ASGI) that is ' +
        'blocked stops every request of its worker: there only `timeout` counts.',
      repeatable: 'words',
      change: 'restart',
    }),
    streamIdle: plain({
      name: 'stream-idle-timeout',
      section: 'Workers',
      placeholder: 'TIME',
      kind: duration('no limit'),
      default: '1h',
      why: 'Event streams, logs and language models may be silent for long, and their clients end them. After an hour nothing comes any more.',
      doc: 'Time between the parts of a response of unknown length (ASGI, gevent).',
      more: 'Between the parts of a response with a Content-Length `timeout` counts.',
      change: 'restart',
    }),
    graceful: plain({
      name: 'graceful-timeout',
      section: 'Workers',
      placeholder: 'TIME',
      kind: duration('at once'),
      default: '30s',
      why: "gunicorn's; Docker and Kubernetes kill after 10 and 30 s unless they are told otherwise.",
      doc: 'Time for requests that still run when the program stops or reloads.',
      change: 'restart',
    }),
  },
  startTimeout: plain({
    name: 'start-timeout',
    section: 'Workers',
    placeholder: 'TIME',
    kind: duration('no limit'),
    default: '5m',
    why: 'Nobody waits that long for an import, and a reload that hangs is noticed soon.',
    doc: 'Time until new code serves: import, start-up and warm-up of all workers.',
    more: 'A reload that takes longer is given up, and the code that serves goes on. At the first start the program ends.',
    change: 'reload',
  }),
  retry: plain({
    name: 'retry',
    section: 'Workers',
    placeholder: 'MODE',
    kind: onOrOff('value'),
    default: 'on',
    why: 'HTTP lets an idempotent request be repeated (RFC9110§9.2.2). So no client loses its answer when a worker dies.',
    doc: 'Send a GET whose worker died to another worker: on or off.',
    more: 'The same holds for HEAD, OPTIONS, TRACE, PUT and DELETE. Each is sent again once, as long as the client has nothing of the answer. POST and PATCH are never sent again. `off` is for applications whose GETs change something: such a request is then answered 502. A request that no worker has begun is sent to another worker in either case. To be sure of that, `off` gives a worker no request before it has answered the one before; this costs short requests some throughput.',
    change: 'restart',
  }),
  recycle: {
    maxRequests: plain({
      name: 'max-requests',
      section: 'Workers',
      placeholder: 'N',
      kind: count(0, MAX_REQUESTS),
      default: '0',
      defaultText: '0, no limit',
      why: 'A worker that does not leak needs no replacement.',
      doc: 'Requests after which a worker is replaced.',
      more: '0 is no limit. One worker is replaced at a time, and its replacement is ready first.',
      change: 'reload',
    }),
    maxRequestsJitter: plain({
      name: 'max-requests-jitter',
      section: 'Workers',
      placeholder: 'N',
      kind: count(0, MAX_REQUESTS),
      default: '0',
      why: 'Workers are replaced one at a time in any case.',
      doc: 'Largest random number that is added to max-requests.',
      change: 'reload',
    }),
    maxAge: plain({
      name: 'max-age',
      section: 'Workers',
      placeholder: 'TIME',
      kind: duration('no limit'),
      default: '0',
      defaultText: '0, no limit',
      why: 'A worker that does not leak needs no replacement.',
      doc: 'Time after which a worker is replaced.',
      change: 'reload',
    }),
    maxMemory: plain({
      name: 'max-memory',
      section: 'Workers',
      placeholder: 'SIZE',
      kind: size(16 * MIB, TIB, 'no limit'),
      default: '0',
      defaultText: '0, no limit',
      why: 'Only the person who knows the machine can say.',
      doc: 'Memory of its own (PSS) above which a worker is replaced, as in 300M.',
      more: 'PSS divides what workers share among them; where the system has no PSS, RSS counts all of it. Less than 16M is refused: Python alone takes more.',
      change: 'reload',
    }),
  },
  affinity: plain<Affinity>({
    name: 'affinity',
    section: 'Workers',
    placeholder: 'HOW',
    kind: text('`off`, `cookie`, `address`, or `header:NAME`', parseAffinity, { literals: ['false'] }),
    default: 'off',
    why: 'Any free worker answers: nobody waits for a busy one while another is free.',
    doc: 'Keeps each client with one worker, known by: cookie, address or header:NAME.',
    more: 'For applications that keep state of a client in the memory of a process. A request may wait for its worker while another one is free. [More](../how-to/affinity.md)',
    change: 'restart',
  }),
}
