/** Settings of WebSockets. */
import { duration, size } from '../kinds/kinds.ts'
import { plain } from './setting.ts'

const MIB = 1024 ** 2

export const websockets = {
  limits: {
    websocketMessage: plain({
      name: 'ws-max-size',
      section: 'Limits',
      placeholder: 'SIZE',
      kind: size(1, 64 * MIB),
      default: '16M',
      why: 'What uvicorn and websockets take: applications that move to Jumak go on working. A message is in memory as a whole.',
      doc: 'Longest message of a WebSocket; a longer one closes it with 1009.',
      change: 'restart',
    }),
  },
  timeouts: {
    websocketPing: plain({
      name: 'ws-ping-interval',
      section: 'Limits',
      placeholder: 'TIME',
      kind: duration('no pings'),
      default: '20s',
      why: 'As uvicorn: proxies and NATs forget silent connections after 30 to 60 s.',
      doc: 'Silence after which a WebSocket is asked whether it is still there.',
      change: 'restart',
    }),
    websocketPong: plain({
      name: 'ws-ping-timeout',
      section: 'Limits',
      placeholder: 'TIME',
      kind: duration('no limit'),
      default: '20s',
      why: 'As uvicorn: with the interval, a client that has vanished costs 40 s at most.',
      doc: 'For the answer to such a question; then the WebSocket is closed.',
      change: 'restart',
    }),
  },
}
