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
      why: "At 100 requests a second, ten seconds' worth: whoever comes later would not wait for it.",
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
    why: 'Fair, and what everybody expects: whoever was let in gets an answer. Clients that gave up leave the queue by themselves, so no worker is spent on them in either order.',
    doc: 'Who is served first while requests wait: fifo, or newest-first under overload.',
    more: 'With `newest-first`, while the oldest request has waited for more than a second, the newest goes first, and takes the place of the oldest (503) when the queue is full: most clients then get their answer as fast as on a quiet day, and those that waited longest get none, where `fifo` would serve all of them late. For clients with time limits of their own, which would call a late answer a failure and come again. As long as nothing waits for a second it is the same as `fifo`.',
    change: 'restart',
  }),
}
