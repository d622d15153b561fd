/**
 * Connections of listeners to which a web server in front of us sends requests by FastCGI, SCGI or uwsgi: only of those in `params-from`. Runs in each
 * event loop of the gateway, only where `bind` names such a protocol.
 *
 * Invariant: of anybody else no byte is read: parameters say whose a request is, and who a client is to its applications.
 * Not here: what is read and written (`upstream/protocols/requests/`).
 */
import type { AddressRanges } from '../../http/address-ranges.ts'
import type { Protocol, ProtocolConnection } from '../../http/protocol.ts'
import type { Transport } from '../../http/transport.ts'

export { WIRES } from '../../upstream/protocols/requests/wires.ts'

/** `onRefused`: a connection of `server` is closed; empty: of a Unix socket. */
export function fromFrontServers(
  protocol: Protocol,
  servers: AddressRanges,
  onRefused: (server: string) => void,
): Protocol {
  return {
    open(transport, onClose) {
      if (servers.has(transport.remoteAddress)) return protocol.open(transport, onClose)
      onRefused(transport.remoteAddress)
      return new RefusedConnection(transport, onClose)
    },
    startDrain: () => protocol.startDrain(),
  }
}

class RefusedConnection implements ProtocolConnection {
  readonly isIdle = true
  readonly isReading = false
  readonly isOver = true
  readonly streamCount = null

  constructor(transport: Transport, onClose: () => void) {
    transport.handler = { onData() {}, onEnd() {}, onDrain() {}, onClose }
    transport.destroy()
  }

  startDrain(): void {}

  release(onDone: (isReleased: boolean) => void): void {
    onDone(false)
  }

  destroy(): void {}
}
