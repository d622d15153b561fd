/** What a tunnel needs to give its worker the client's own socket. `gateway/transports/passing.ts` has it, where the system can do it. */
export interface SocketPassing {
  /**
   * Sends the byte CLIENT_PASSED on the Unix socket `connection`, and a descriptor of the TCP socket `client` with it. From then on
   * the system closes the client's connection when the client takes nothing of what was sent for `sendMs`; 0: it does not. False: the
   * worker cannot have it now, and got no byte.
   */
  pass(connection: number, client: number, sendMs: number): boolean
  /** Bytes that were written to it. */
  writtenBytes(client: number): number
  /** For the event loop to read it again: whoever has the other descriptor may have made it block. */
  takeBack(client: number): void
  /** Ends it in both directions, whoever has it. */
  cut(client: number): void
}
