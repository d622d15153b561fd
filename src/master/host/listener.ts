/** A listening socket, as the master knows it: bound by `listeners.ts`, or taken over by `inherited-listener.ts`. */
export interface Listener {
  /** Valid in this process until `close`; the gateway inherits it through spawn's stdio. */
  readonly fd: number
  /** `http://127.0.0.1:8000` with the real port, or `unix:/run/app.sock`. */
  readonly display: string
  readonly unixPath: string | null
  /** Releases the socket, and removes its path if we made it. Gateways that inherited the socket keep it. */
  close(): void
}
