/** Who takes messages to another program: a StatsD or syslog server. Types only. */

export interface Sender {
  /** One datagram, or some bytes of a stream. Never waits, and never throws: what cannot be sent is lost. */
  send(payload: Buffer): void
  /** For the end of the process. Resolves when all is sent, or after `limitMs`. */
  close(limitMs: number): Promise<void>
}
