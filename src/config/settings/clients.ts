/** Settings of connections: how long clients may take, and at which least rate. */
import { duration, size } from '../kinds/kinds.ts'
import { plain } from './setting.ts'

const MIB = 1024 ** 2

export const clients = {
  timeouts: {
    keepAlive: plain({
      name: 'keep-alive',
      section: 'Limits',
      placeholder: 'TIME',
      kind: duration(null),
      default: '75s',
      why: 'Load balancers keep idle connections for 60 s (AWS, nginx; Google 600). A server that closes first causes random 502s.',
      doc: 'Idle time of a connection between requests, and before the first.',
      change: 'restart',
    }),
    head: plain({
      name: 'header-timeout',
      section: 'Limits',
      placeholder: 'TIME',
      kind: duration('no limit'),
      default: '15s',
      why: 'A phone on a bad network needs a few seconds; a slowloris gets no more.',
      doc: 'Time from the first byte of a request to the end of its head; then 408.',
      change: 'restart',
    }),
    body: plain({
      name: 'body-timeout',
      section: 'Limits',
      placeholder: 'TIME',
      kind: duration('no limit'),
      default: '30s',
      why: 'Longer than the pauses of a network that still works.',
      doc: 'Time without a byte of the request body; then 408.',
      change: 'restart',
    }),
    send: plain({
      name: 'send-timeout',
      section: 'Limits',
      placeholder: 'TIME',
      kind: duration('no limit'),
      default: '60s',
      why: "nginx's.",
      doc: 'Time in which the client takes no byte of the response; then it is cut.',
      change: 'restart',
    }),
  },
  limits: {
    bodyRate: plain({
      name: 'min-body-rate',
      section: 'Limits',
      placeholder: 'SIZE',
      kind: size(1, 64 * MIB, 'any'),
      default: '240',
      why: "Kestrel's; the slowest phone is ten times as fast. A slowloris, which sends a byte now and then, only wants to hold a connection.",
      doc: 'Least bytes per second of a request body; slower is 408.',
      more: 'It is a mean over each `body-timeout`: a pause or a slow beginning within that time does no harm. Only the time counts in which Jumak waits for the body. Clients that send an endless stream of little data need 0.',
      change: 'restart',
    }),
    sendRate: plain({
      name: 'min-send-rate',
      section: 'Limits',
      placeholder: 'SIZE',
      kind: size(1, 64 * MIB, 'any'),
      default: '240',
      why: "Kestrel's, as with min-body-rate.",
      doc: 'Least bytes per second at which a client takes a response; slower is cut.',
      more: 'It is a mean over each `send-timeout`, while part of the response waits for the client. An event stream with nothing to send is not slow.',
      change: 'restart',
    }),
  },
}
