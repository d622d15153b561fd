/** Settings of the queue, in which requests wait for a worker. */
import { count, countOr, duration, oneOf } from '../kinds/kinds.ts'
import { input, plain } from './setting.ts'

/** Requests. More is a typing mistake: nobody would wait for so many. */
export const MAX_QUEUE = 1_000_000

export const queue = {
  limits: {
    queue: plain({
      name: 'queue-limit',
      section: 'Limits',
      placeholder: 'N',
      kind: count(0, MAX_QUEUE),
      default: '1024',
      why: 'Ten seconds of work at 100 requests per second. Nobody would wait longer.',
      doc: 'Requests that wait for a worker; one more is answered 503.',
      more: 'With 0 no request waits: one that no worker can take at once is answered 503, also while new workers start.',
      change: 'restart',
    }),
    requestsPerAddress: input({
      name: 'limit-requests-per-address',
      section: 'Limits',
      placeholder: 'N',
      kind: countOr('auto', 0, MAX_QUEUE),
      default: 'auto',
      why: 'Half of `queue-limit`: one client cannot fill the queue for all others, and an office or a mobile network behind one address has enough.',
      doc: 'Requests of one address that wait or upload; 0: no limit.',
      more: 'One more is answered 429 with `Retry-After`. A request counts from when it has to wait for a worker, or for more of its content, until a worker has it and its content is complete; over all connections of the address and all their streams. A request that gets a worker at once with its whole content is never counted or refused. An IPv6 network of 64 bits counts as one address. Trusted proxies are not counted: behind one the address counts that the proxy names (`forwarded-headers`). A proxy that is not in `trusted-proxies` is counted as one client, and the log says so when it is refused. Each application has a count of its own, as it has a queue.',
      change: 'restart',
    }),
  },
  timeouts: {
    queue: plain({
      name: 'queue-timeout',
      section: 'Limits',
      placeholder: 'TIME',
      kind: duration('no limit'),
      default: '30s',
      why: 'Nobody waits longer for a page.',
      doc: 'Time that a request waits for a worker; then 503.',
      change: 'restart',
    }),
  },
  queueOrder: plain({
    name: 'queue-order',
    section: 'Limits',
    placeholder: 'ORDER',
    kind: oneOf(['fifo', 'newest-first']),
    default: 'fifo',
    why: 'It is fair, and what everybody expects: each request in the queue gets an answer. Clients that gave up leave the queue in either order, so they cost no worker.',
    doc: 'Order of requests that wait: fifo, or newest-first under overload.',
    more: '`newest-first` acts while the oldest request has waited for more than a second. Then the newest goes first, and if the queue is full it takes the place of the oldest, which gets 503. Most clients get their answer as fast as on a quiet day, and those that have waited longest get none; `fifo` would serve all of them late. It is for clients with time limits of their own, for which a late answer is a failure. While nothing waits for a second it is the same as `fifo`.',
    change: 'restart',
  }),
}
