/** Settings of WebSockets. */
import { duration, onOrOff, size } from '../kinds/kinds.ts'
import { plain } from './setting.ts'

const MIB = 1024 ** 2
/** Bytes. A message is in memory as a whole. */
export const MAX_MESSAGE: number = 64 * MIB

export const websockets = {
  webSocketCompression: plain({
    name: 'ws-compression',
    section: 'Limits',
    placeholder: 'MODE',
    kind: onOrOff('value'),
    default: 'on',
    why: 'Text takes a fifth of the bytes, and only messages of 1 KiB and more are compressed.',
    doc: 'Compress messages of WebSockets where the client offers it: on or off.',
    change: 'restart',
  }),
  limits: {
    websocketMessage: plain({
      name: 'ws-max-size',
      section: 'Limits',
      placeholder: 'SIZE',
      kind: size(1, MAX_MESSAGE),
      default: '16M',
      why: 'The same as uvicorn and websockets, so applications that move to Jumak go on working. A message is in memory as a whole.',
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
      why: 'The same as uvicorn. Proxies and NATs forget silent connections after 30 to 60 s.',
      doc: 'Silence after which a WebSocket gets a ping.',
      more: 'The frames of a WSGI application are its own. After this silence the system asks whether its client is still there (TCP keep-alive).',
      change: 'restart',
    }),
    websocketPong: plain({
      name: 'ws-ping-timeout',
      section: 'Limits',
      placeholder: 'TIME',
      kind: duration('no limit'),
      default: '20s',
      why: 'The same as uvicorn. With the interval, a client that has vanished is noticed after 40 s at most.',
      doc: 'Time for the answer to a ping; then the WebSocket is closed.',
      change: 'restart',
    }),
  },
}
