/** The gateway with one thread: the main thread accepts and serves. Runs in the gateway. */
import type { GatewayStart, GatewayToMaster, InheritedListener } from '../control/messages.ts'
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
  const admission = assembleAdmission(gateway.admissionParts, start.listeners)
  const accept = (listener: InheritedListener, transport: SocketTransport) => {
    const network = admission.admit(transport.remoteAddress)
    if (network === null) admission.refuse(listener.scheme, transport)
    else connections.open(listener, transport, () => admission.leave(network))
  }
  const listening = new Listening(
    start,
    (listener, onListening, onError) =>
      listen(
        listener.fd,
        listener.unixPath,
        memory,
        transport => accept(listener, transport),
        onListening,
        onError,
        listener.scheme === 'uwsgi' || listener.scheme === 'scgi',
      ),
    send,
  )
  return {
    onMessage: message => gateway.onMessage(message),
    accept: () => listening.accept(),
    end: () => gateway.end(),
  }
}
