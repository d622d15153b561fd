/** What the program knows about a listening socket, whoever bound it: `listeners.ts` for us, or `inherited-listener.ts` takes it over. */
export interface Listener {
  /** Valid in this process until `close`; hand it on through spawn's stdio. */
  readonly fd: number
  /** `http://127.0.0.1:8000` with the real port, or `unix:/run/app.sock`. */
  readonly display: string
  readonly unixPath: string | null
  /** Releases the socket and removes its path. Gateways that inherited it keep theirs. */
  close(): void
}
