/** The client's header block breaks RFC7541. The table of the connection is lost with it: COMPRESSION_ERROR, a connection error (RFC9113§4.3). */
export class HpackError extends Error {
  /** The rule that was broken, as `RFC7541§5.2`. */
  readonly rule: string

  constructor(message: string, rule: string) {
    super(`${message} (${rule})`)
    this.name = 'HpackError'
    this.rule = rule
  }
}
