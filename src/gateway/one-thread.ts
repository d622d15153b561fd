/** The gateway with one thread: the main thread accepts and serves. Runs in the gateway. */
import type { GatewayStart, GatewayToMaster } from '../control/messages.ts'
import { assembleAdmission } from './assemble.ts'
import { Gateway, type RunningGateway } from './gateway.ts'
import { Listening } from './listening.ts'
import { listen, type SocketTransport } from './transports/plain.ts'

export function startOneThread(start: GatewayStart, send: (message: GatewayToMaster) => void): RunningGateway {
  const gateway: Gateway = new Gateway({
    start,
    // The gateway sets the handler before anybody is accepted.
    entry: { handler: () => {} },
    send,
    stopAccepting: handedOn => listening.close(handedOn),
  })
  const { connections, memory } = gateway
  const admission = assembleAdmission(gateway.admissionParts)
  const accept = (transport: SocketTransport) => {
    const network = admission.admit(transport.remoteAddress)
    if (network === null) admission.refuse(transport)
    else connections.open(transport, () => admission.leave(network))
  }
  const listening = new Listening(
    start,
    ({ fd, unixPath }, onListening, onError) => listen(fd, unixPath, memory, accept, onListening, onError),
    send,
  )
  return {
    onMessage: message => gateway.onMessage(message),
    accept: () => listening.accept(),
    end: () => gateway.end(),
  }
}
