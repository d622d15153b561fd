/** Reads a worker's FAILED: a sentence for the log, and in development, behind a NUL, a report for the error page. */
import { HttpError } from '../../http/errors.ts'

/** The application failed. `report`: JSON that is not checked yet; empty: none. */
export class ApplicationError extends HttpError {
  readonly report: string

  constructor(report: string) {
    // Clients may read the message. What went wrong inside is for the log.
    super(500, 'The application failed', 'application')
    this.report = report
  }
}

export function readFailure(reason: string): { readonly sentence: string; readonly error: ApplicationError } {
  const end = reason.indexOf('\0')
  const sentence = end < 0 ? reason : reason.slice(0, end)
  return { sentence: printable(sentence), error: new ApplicationError(end < 0 ? '' : reason.slice(end + 1)) }
}

/** A worker's text for our log: one line, bounded, no control characters. */
export function printable(text: string): string {
  return text.slice(0, 500).replace(/[\x00-\x1f\x7f-\x9f]+/g, ' ')
}
