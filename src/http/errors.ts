/** The errors that become a response. Only `gateway/errors/error-response.ts` turns them into one. */

/** The client broke the protocol or a limit: `status` is answered, then the connection closes. */
export class ProtocolError extends Error {
  readonly status: number
  /** The rule that was broken, as `RFC9112§6.1`, or the name of the limit's setting. */
  readonly rule: string

  constructor(status: number, message: string, rule: string) {
    super(`${message} (${rule})`)
    this.name = 'ProtocolError'
    this.status = status
    this.rule = rule
  }
}

/** A client wants more than a setting allows. `rule` is the setting's name: the operator may raise it. */
export class LimitError extends ProtocolError {}

/** The client speaks TLS where plain HTTP is spoken. The operator may have forgotten a certificate, or a scheme in `bind`. */
export class TlsOnPlainError extends ProtocolError {
  constructor() {
    super(
      400,
      'The client speaks TLS, and this address plain HTTP: https:// before it in bind makes it TLS',
      'RFC8446§5.1',
    )
  }
}

/** A web server in front of us, which is trusted, sends by FastCGI, SCGI or uwsgi what is none: its operator has to mend it. */
export class FrontServerError extends ProtocolError {
  constructor(message: string, rule: string) {
    super(400, message, rule)
  }
}

/** The content of a request is larger than its handler allows (`BodyReader.limitTo`). */
export function contentTooLarge(limit: number): LimitError {
  return new LimitError(413, `The content is larger than ${limit} bytes`, 'limit-request-body')
}

/** `upstream`: a server behind us. */
export type Culprit = 'client' | 'application' | 'upstream' | 'operator'

/** A request is answered with an error status on purpose: 502, 503, 504 and the like. */
export class HttpError extends Error {
  readonly status: number
  readonly culprit: Culprit
  /** Seconds for Retry-After; undefined: trying again makes no sense. */
  readonly retryAfter: number | undefined
  /** `[name, value, …]`: headers that the status requires. */
  readonly headers: readonly string[]
  /** What the log says: names of the configuration are not for the client, who may read the message. */
  readonly logged: string

  constructor(
    status: number,
    message: string,
    culprit: Culprit,
    retryAfter?: number,
    headers: readonly string[] = [],
    logged = message,
  ) {
    super(message)
    this.name = 'HttpError'
    this.status = status
    this.culprit = culprit
    this.retryAfter = retryAfter
    this.headers = headers
    this.logged = logged
  }
}

/** The client has gone: nobody is left to answer. */
export class ClientGoneError extends Error {
  constructor(message = 'the client closed the connection') {
    super(message)
    this.name = 'ClientGoneError'
  }
}

/** A file became shorter, or a read failed, while it was sent: the response is cut. For the log only, since it names the file. */
export class FileCutError extends Error {
  /** `why`: the error of the read; null: the file has become shorter. */
  constructor(name: string, sent: number, expected: number, why: string | null) {
    const reason = why === null ? 'the file was truncated' : `it could not be read on (${why})`
    super(`${name} was sent up to byte ${sent} of ${expected}: ${reason}`)
    this.name = 'FileCutError'
  }
}
