/** What the operator can mend (an address, a path, a Python): the message is one sentence and all they need to see. */
export class OperatorError extends Error {
  override readonly name = 'OperatorError'
}

/** For `code` and `message` of whatever was thrown. */
export function asErrno(error: unknown): NodeJS.ErrnoException {
  return error instanceof Error ? error : new Error(String(error))
}
