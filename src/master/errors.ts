/** Something that the operator can mend: an address, a path, a Python. The message is one sentence, and no stack is shown. */
export class OperatorError extends Error {
  override readonly name = 'OperatorError'
}

/** Whatever was thrown, as something with a `message`, and perhaps a `code`. */
export function asErrno(error: unknown): NodeJS.ErrnoException {
  return error instanceof Error ? error : new Error(String(error))
}
