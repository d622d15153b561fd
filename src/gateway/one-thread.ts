/** The gateway with one thread: the main thread accepts and serves. Runs in the gateway. */
import type { GatewayStart, GatewayToMaster } from '../control/messages.ts'
import type { Scheme } from '../http/transport.ts'
import { assembleAdmission } from './assemble.ts'
import type { Handshakes } from './connections/handshakes.ts'
import { Gateway, type RunningGateway } from './gateway.ts'
import { Listening } from './listening.ts'
import type { RemoteRecords } from './remote.ts'
import { listen, type SocketTransport } from './transports/plain.ts'

/** `handshakes`: for listeners with TLS; `remote`: for metrics and syslog. Null: there are none. */
export function startOneThread(
  start: GatewayStart,
  send: (message: GatewayToMaster) => void,
  handshakes: typeof Handshakes | null,
  remote: typeof RemoteRecords | null = null,
): RunningGateway {
  const gateway: Gateway = new Gateway({
    start,
    // The gateway sets the handler before anybody is accepted.
    entry: { handler: () => {} },
    send,
    handshakes,
    remote,
    stopAccepting: drain => listening.close(drain),
  })
  const { connections, memory } = gateway
  const admission = assembleAdmission(gateway.admissionParts)
  const accept = (scheme: Scheme, transport: SocketTransport) => {
    const network = admission.admit(transport.remoteAddress)
    if (network === null) admission.refuse(scheme, transport)
    else connections.open(scheme, transport, () => admission.leave(network))
  }
  const listening = new Listening(
    start,
    ({ fd, unixPath, scheme }, onListening, onError) =>
      listen(fd, unixPath, memory, transport => accept(scheme, transport), onListening, onError),
    send,
  )
  return {
    onMessage: message => gateway.onMessage(message),
    accept: () => listening.accept(),
    end: () => gateway.end(),
  }
}
