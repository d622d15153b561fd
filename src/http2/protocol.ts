/** The door to this folder: HTTP/2 as the gateway's connections see it (`http/protocol.ts`). */
import type { Protocol } from '../http/protocol.ts'
import { Flusher } from '../protocols/flusher.ts'
import { createPaces, hurryIdle } from '../protocols/pace.ts'
import { Http2Connection } from './connection.ts'
import type { Http2Context, Http2Options } from './context.ts'

export { PREFACE } from './frames.ts'
export { sendBuffers } from './output.ts'

export function createHttp2(options: Http2Options): Protocol {
  const context: Http2Context = {
    ...options,
    isDraining: false,
    flusher: new Flusher(),
    paces: createPaces(options.timeouts, options.limits),
  }
  return {
    open: (transport, onClose) => new Http2Connection(transport, context, onClose),
    startDrain() {
      context.isDraining = true
      hurryIdle(context.paces)
      context.webSockets.startDrain()
    },
  }
}
