import type { ListenScheme } from '../../config/types.ts'

/**
 * A listening socket, as the master knows it: bound by `listeners.ts`, or taken over by `inherited-listener.ts` from the program before
 * us, or by `handed-on.ts` from the Jumak that this one replaces.
 */
export interface Listener {
  /** Valid in this process until `close`; the gateway inherits it through spawn's stdio. */
  readonly fd: number
  /** `http://127.0.0.1:8000` with the real port, or `unix:/run/app.sock`; with another scheme `https://…` in both cases. */
  readonly display: string
  readonly unixPath: string | null
  /** The real one of TCP; 0: a Unix socket. */
  readonly port: number
  /** The address that was asked for, without its scheme. A new Jumak that is asked for the same takes this socket. */
  readonly key: string
  /** The file at `unixPath`, if we made it. */
  readonly placed: PlacedFile | null
  /** `fd://`: whoever bound it has it too, so what waits in it when we close it is not lost. */
  readonly isShared: boolean
  /** What is spoken here. `https`: clients speak TLS. */
  readonly scheme: ListenScheme
  /** Each connection begins with a header of the PROXY protocol. */
  readonly hasProxyHeader: boolean
  /** Releases the socket, and removes its path if we made it. Gateways that inherited the socket keep it. */
  close(): void
  /** Releases the socket and leaves its path: another Jumak has both. */
  leave(): void
}

/** Before it is known what clients send first. */
export type BareListener = Omit<Listener, 'hasProxyHeader'>

/** Tells a file from another one that was put at its path. */
export interface PlacedFile {
  readonly dev: number
  readonly ino: number
}

/** `address`: as in `Listener.display`, with or without a scheme. */
export function displayOf(scheme: Listener['scheme'], address: string): string {
  const plain = address.replace(/^(?:https?|fastcgi|scgi|uwsgi):\/\//, '')
  return scheme === 'http' && plain.startsWith('unix:') ? plain : `${scheme}://${plain}`
}
