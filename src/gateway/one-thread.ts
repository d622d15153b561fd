/** The gateway with one thread: the main thread accepts and serves. Runs in the gateway. */
import type { GatewayStart, GatewayToMaster } from '../control/messages.ts'
import { Gateway } from './gateway.ts'
import { Listening } from './listening.ts'
import { listen } from './transports/plain.ts'

export function startOneThread(start: GatewayStart, send: (message: GatewayToMaster) => void): Gateway {
  const gateway: Gateway = new Gateway({
    start,
    // The gateway sets the handler before anybody is accepted.
    entry: { handler: () => {} },
    send,
    stopAccepting: () => listening.close(),
  })
  const { connections, memory } = gateway
  const listening = new Listening(
    start.listeners,
    ({ fd, unixPath }, onListening, onError) =>
      listen(fd, unixPath, memory, transport => connections.accept(transport), onListening, onError),
    send,
  )
  return gateway
}
