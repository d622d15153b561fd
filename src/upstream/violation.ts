/** The other end has broken HTTP/1.1. The message is for the log: it says what was wrong, and never reaches a client. */
export class UpstreamViolation extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'UpstreamViolation'
  }
}
