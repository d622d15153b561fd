import { ConnectionError, ErrorCode } from '../frames.ts'

/** The client's header block breaks RFC7541. The table of the connection is lost with it, so the connection cannot go on (RFC9113§4.3). */
export class HpackError extends ConnectionError {
  /** `rule`: as `RFC7541§5.2`. */
  constructor(message: string, rule: string) {
    super(ErrorCode.COMPRESSION_ERROR, message, rule)
    this.name = 'HpackError'
  }
}
