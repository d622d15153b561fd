/** Settings of HTTP/2. */
import { count, onOrOff, size } from '../kinds/kinds.ts'
import { plain } from './setting.ts'

const KIB = 1024
/** One connection is in one thread: more streams would only wait for each other. */
export const MAX_STREAMS = 1000
/** RFC9113§4.2: each endpoint takes frames of 16 KiB. The standard allows 16 MiB, all of which would be in memory. */
export const [MIN_FRAME, MAX_FRAME] = [16 * KIB, 1024 * KIB]

export const http2 = {
  http2: {
    isOn: plain({
      name: 'http2',
      section: 'Listening',
      placeholder: 'MODE',
      kind: onOrOff('value'),
      default: 'on',
      why: 'Browsers load a page over one connection, and a client that does not know HTTP/2 never notices it.',
      doc: 'Speak HTTP/2 with clients that ask for it: on or off.',
      more: 'With TLS the client and Jumak agree on it in the handshake (ALPN). Without TLS a client that begins with HTTP/2 gets HTTP/2 (prior knowledge); `Upgrade: h2c` is ignored, as RFC9113§3.1 wants it. `off` leaves HTTP/1.1 for everybody. [More](../how-to/http2.md)',
      change: 'restart',
    }),
    streams: plain({
      name: 'limit-streams',
      section: 'Limits',
      placeholder: 'N',
      kind: count(1, MAX_STREAMS),
      default: '100',
      why: 'The least that RFC9113§6.5.2 recommends, and what Apache has; nginx has 128.',
      doc: 'Requests at a time on one HTTP/2 connection.',
      more: 'Each request, and each WebSocket, is one stream. Jumak tells clients this limit (SETTINGS_MAX_CONCURRENT_STREAMS), and they keep to it by themselves; a stream above it is refused (REFUSED_STREAM), and the client may send it again. `limit-connections` counts connections: behind a proxy that speaks HTTP/2 to Jumak the two limits together bound what runs at a time.',
      change: 'restart',
    }),
    frameSize: plain({
      name: 'limit-frame-size',
      section: 'Limits',
      placeholder: 'SIZE',
      kind: size(MIN_FRAME, MAX_FRAME),
      default: '16K',
      why: 'What each client may send in any case (RFC9113§4.2). Larger frames save little, and the streams of a connection take turns less often.',
      doc: 'Largest HTTP/2 frame that Jumak takes.',
      more: 'A larger one ends the connection. Jumak tells clients this limit (SETTINGS_MAX_FRAME_SIZE). It does not bound requests: content and headers take as many frames as they need. Headers are bounded by `limit-request-header-size` and `limit-request-fields` for both versions of HTTP, content by `limit-request-body`.',
      change: 'restart',
    }),
  },
}
