/** A client broke a rule: the code and the reason that we close with (RFC6455§7.1.7). */
export class MessageError extends Error {
  readonly code: number

  constructor(code: number, reason: string) {
    super(reason)
    this.name = 'MessageError'
    this.code = code
  }
}
