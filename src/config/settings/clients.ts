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
      why: 'Load balancers keep idle connections for 60 s (AWS, nginx; Google 600): closing before them makes random 502s.',
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
      doc: 'From the first byte of a request to the end of its head; then 408.',
      change: 'restart',
    }),
    body: plain({
      name: 'body-timeout',
      section: 'Limits',
      placeholder: 'TIME',
      kind: duration('no limit'),
      default: '30s',
      why: 'Longer than the pauses of a network that still works.',
      doc: 'Without a byte of the request body; then 408.',
      change: 'restart',
    }),
    send: plain({
      name: 'send-timeout',
      section: 'Limits',
      placeholder: 'TIME',
      kind: duration('no limit'),
      default: '60s',
      why: "nginx's.",
      doc: 'Without the client taking a byte of the response.',
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
      why: "Kestrel's; the slowest phone does ten times as much, and who sends a byte now and then wants to hold a connection.",
      doc: 'Bytes a second that a request body must come at; less is 408.',
      more: 'As a mean over each `body-timeout`, so a pause or a slow beginning within it does no harm. Only time in which the body was waited for counts. Clients that send an endless stream of little need 0.',
      change: 'restart',
    }),
    sendRate: plain({
      name: 'min-send-rate',
      section: 'Limits',
      placeholder: 'SIZE',
      kind: size(1, 64 * MIB, 'any'),
      default: '240',
      why: "Kestrel's, as with min-body-rate.",
      doc: 'Bytes a second that a response must be taken at; less closes the connection.',
      more: 'As a mean over each `send-timeout`, while some of the response waits. An event stream with nothing to send is not slow: nothing waits.',
      change: 'restart',
    }),
  },
}
