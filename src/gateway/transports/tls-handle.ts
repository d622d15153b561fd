/**
 * The stream of a connection with TLS on Node's own handle of TLS, which takes over that of the plain connection. Without a `TLSSocket`,
 * which would be two sockets on top of each other. Where this Node has other handles, there is one (`tls-socket.ts`). Runs in the gateway.
 */
import type { Server, Socket } from 'node:net'
import { TLSSocket, type TLSSocketOptions } from 'node:tls'
import { HandleStream, type Of } from './handle-stream.ts'
import { bindings, type TlsHandle, takeHandle, takeLeaving } from './handles.ts'
import type { Secured } from './tls-socket.ts'

/** Answers what a `TLSSocket` answers: its methods ask `_handle`. */
class Session {
  _handle: TlsHandle | null
  alpnProtocol: string | false | null = null

  constructor(handle: TlsHandle) {
    this._handle = handle
  }
}
Object.setPrototypeOf(Session.prototype, TLSSocket.prototype)

class SecureStream extends HandleStream<TlsHandle> {
  readonly session: Session

  constructor(of: Of<TlsHandle>, { ALPNProtocols, requestCert, server }: TLSSocketOptions) {
    super(of)
    const { handle } = of
    this.session = new Session(handle)
    if (ALPNProtocols !== undefined) handle.setALPNProtocols(ALPNProtocols)
    // The verdict on the certificate is ours (tls/verdict.ts).
    if (requestCert) handle.setVerifyMode(true, false)
    if (server !== undefined) staple(handle, server)
  }

  begin(hello: Buffer, onSecure: () => void, onFailed: (error: Error) => void): void {
    const { handle, session } = this
    this.on('error', onFailed)
    handle.onerror = error => this.destroy(error)
    handle.onhandshakedone = () => {
      // It may come behind a `destroy`.
      if (this.destroyed) return
      session.alpnProtocol = handle.getALPNNegotiatedProtocol()
      onSecure()
    }
    handle.receive(hello)
    this.resume()
  }

  protected override closed(): void {
    this.session._handle = null
    this.handle.destroySSL()
    super.closed()
  }
}

/** OpenSSL asks for an OCSP response; a listener of `server`, which does not listen, has it. */
function staple(handle: TlsHandle, server: Server): void {
  handle.enableCertCb()
  handle.oncertcb = ({ OCSPRequest }) => {
    const onResponse = (_: null, response: Buffer | null) => {
      if (response !== null) handle.setOCSPResponse(response)
    }
    if (OCSPRequest) server.emit('OCSPRequest', null, null, onResponse)
    handle.certCbDone()
  }
}

/** Null: not in this Node. `plain` has no handle afterwards, and tells nothing any more. `onBytes`: so many are in `received`. */
export function secureOnHandle(
  plain: Socket,
  options: TLSSocketOptions,
  onBytes: (length: number) => void,
): Secured | null {
  if (bindings === null) return null
  const below = takeHandle(plain)
  if (below === null) return null
  const handle = bindings.wrap(below, options.secureContext!.context, true, false)
  const stream = new SecureStream({ handle, plain: below, onBytes, onLeft: takeLeaving(plain) }, options)
  return {
    stream,
    session: stream.session as unknown as TLSSocket,
    plainHandle: below,
    get contentBytes() {
      return handle.bytesRead
    },
    begin: (hello, onSecure, onFailed) => stream.begin(hello, onSecure, onFailed),
    reset: () => stream.reset(),
  }
}
