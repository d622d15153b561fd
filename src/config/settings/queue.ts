/** Settings of the queue, in which requests wait for a worker. */
import { count, duration, oneOf } from '../kinds/kinds.ts'
import { plain } from './setting.ts'

export const queue = {
  limits: {
    queue: plain({
      name: 'queue-limit',
      section: 'Limits',
      placeholder: 'N',
      kind: count(1, 1_000_000),
      default: '1024',
      why: 'Ten seconds of work at 100 requests per second. Nobody would wait longer.',
      doc: 'Requests that wait for a worker; one more is answered 503.',
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
