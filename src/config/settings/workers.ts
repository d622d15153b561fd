/** Settings of the workers: how many, how long they may take, and when they are replaced. */

import { count, countOr, duration, onOrOff, size, text } from '../kinds/kinds.ts'
import { type PathTimeout, parsePathTimeout } from '../kinds/path-timeout.ts'
import { input, plain } from './setting.ts'

/** More would be a slip of the finger: each worker is a process. */
const MAX_WORKERS = 1024
/** Each thread is a slot with a socket of its own, and Python runs one of them at a time. */
const MAX_THREADS = 256
/** Tasks of one event loop; each has its buffers. */
const MAX_CONCURRENCY = 65_536
const MAX_REQUESTS = 1_000_000_000
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
    why: 'Requests that compute need a core each, and more would only take turns. An event loop serves thousands, and many ASGI applications keep in memory what all their clients share.',
    doc: 'Worker processes; auto: one a core (or CPU quota), at least 2.',
    more: 'An ASGI application has one unless this is given, `auto` included: with more, nothing may be kept in the memory of a process for all clients. When it is not given and `WEB_CONCURRENCY` is set, as platforms do, that is used. [More](../how-to/how-many-workers.md)',
    change: 'live',
  }),
  threads: plain({
    name: 'threads',
    section: 'Workers',
    placeholder: 'N',
    kind: count(1, MAX_THREADS),
    default: '1',
    why: 'Safe for every application; threads are for those whose author knows that they are.',
    doc: 'Requests that each worker runs at a time.',
    more: 'For applications that wait more than they compute.',
    change: 'reload',
  }),
  concurrency: plain({
    name: 'concurrency',
    section: 'Workers',
    placeholder: 'N',
    kind: count(1, MAX_CONCURRENCY),
    default: '1000',
    why: 'A worker that waits for its database holds very many requests; one that computes should rather be left by its queue.',
    doc: 'Requests that each worker of an ASGI application runs at a time.',
    more: 'A request counts until its response begins; streams and WebSockets that go on do not count.',
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
      doc: 'For the response to begin, and between its parts; then 504 and a new worker.',
      change: 'restart',
    }),
    requestFor: input<PathTimeout>({
      name: 'timeout-for',
      section: 'Workers',
      placeholder: 'PREFIX=TIME',
      kind: text('`PREFIX=TIME`, in a file also a table', parsePathTimeout, { table: 'also' }),
      default: null,
      defaultText: 'none',
      why: 'One time for all, until an export or an upload needs more, or a health check less.',
      doc: 'The same timeout below a path, as in /export=5m; repeatable.',
      more:
        '`/export` means `/export` and `/export/x`, not `/exports`; of several the longest counts. An event loop (ASGI) that does not ' +
        'turn stops every request of its worker: for that `timeout` counts alone.',
      repeatable: 'words',
      change: 'restart',
    }),
    streamIdle: plain({
      name: 'stream-idle-timeout',
      section: 'Workers',
      placeholder: 'TIME',
      kind: duration('no limit'),
      default: '1h',
      why: 'Events, logs and answers of language models may be silent for long, and end by their client; an hour waits for what never comes.',
      doc: 'Between the parts of an ASGI response of unknown length; then it is cut.',
      more: 'Responses with a Content-Length have `timeout` between their parts.',
      change: 'restart',
    }),
    graceful: plain({
      name: 'graceful-timeout',
      section: 'Workers',
      placeholder: 'TIME',
      kind: duration('at once'),
      default: '30s',
      why: "gunicorn's; Docker and Kubernetes kill after 10 and 30 s unless they are told otherwise.",
      doc: 'For requests that still run when the program stops or reloads.',
      change: 'restart',
    }),
  },
  shutdownDelay: plain({
    name: 'shutdown-delay',
    section: 'Workers',
    placeholder: 'TIME',
    kind: duration('none'),
    default: '0',
    why: 'Only behind a load balancer is there somebody to wait for; there a little more than its interval of checks is right.',
    doc: 'From TERM until connections are refused; readiness is red meanwhile.',
    more: 'Everything is served as before while it lasts, new connections too, so that a load balancer that has not noticed yet loses nothing. Then what runs is finished within `graceful-timeout`. A second signal ends the delay; INT and QUIT have none.',
    change: 'live',
  }),
  startTimeout: plain({
    name: 'start-timeout',
    section: 'Workers',
    placeholder: 'TIME',
    kind: duration('no limit'),
    default: '5m',
    why: 'Longer than any import that somebody waits for, and a reload that hangs is told the same day.',
    doc: 'For new code to serve: import, start-up and warm-up of all workers.',
    more: 'A reload that takes longer is given up, and the code that serves goes on. At the first start the program ends.',
    change: 'reload',
  }),
  retry: plain({
    name: 'retry',
    section: 'Workers',
    placeholder: 'MODE',
    kind: onOrOff('value'),
    default: 'on',
    why: 'HTTP lets an idempotent request be repeated (RFC9110§9.2.2), so a worker that dies costs no client its answer.',
    doc: 'Send a GET whose worker died to another worker: on or off.',
    more: 'So with HEAD, OPTIONS, TRACE, PUT and DELETE, each once, as long as the client has none of the answer; never with POST or PATCH. `off` is for applications whose GETs change something: such a request is then answered 502. A request that was never started is sent to another worker in either case; so that this is known of each, `off` sends no request to a worker before the one before it is answered, which costs short requests some throughput.',
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
      more: '0 is no limit. One worker at a time, and its replacement is ready first.',
      change: 'reload',
    }),
    maxRequestsJitter: plain({
      name: 'max-requests-jitter',
      section: 'Workers',
      placeholder: 'N',
      kind: count(0, MAX_REQUESTS),
      default: '0',
      why: 'Workers are replaced one at a time in any case.',
      doc: 'Adds a random number up to this to max-requests.',
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
      more: 'PSS counts what workers share by equal parts; where there is no PSS, RSS counts all of it. Below 16M there is no Python.',
      change: 'reload',
    }),
  },
}
