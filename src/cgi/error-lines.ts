/**
 * What a script writes to its standard error, as lines for the log. Runs in the gateway, for each request by CGI and FastCGI.
 *
 * Bounds: a script may write without end, so a request has MAX_LINES lines, each of MAX_LINE bytes; then it is said once that there was more.
 */
const MAX_LINES = 20
const MAX_LINE = 1024
const NOT_SHOWN = /[\x00-\x08\x0a-\x1f\x7f]/g

export class ErrorLines {
  readonly #tell: (line: string) => void
  #line = ''
  #count = 0

  /** `tell` gets MAX_LINES + 1 lines at most, without control characters. */
  constructor(tell: (line: string) => void) {
    this.#tell = tell
  }

  receive(chunk: Buffer): void {
    if (this.#count > MAX_LINES) return
    let from = 0
    for (;;) {
      const end = chunk.indexOf(0x0a, from)
      const to = end < 0 ? chunk.length : end
      const room = MAX_LINE - this.#line.length
      if (room > 0) this.#line += chunk.toString('latin1', from, Math.min(to, from + room))
      if (end < 0) return
      this.end()
      from = end + 1
    }
  }

  /** No more comes. */
  end(): void {
    const line = Buffer.from(this.#line, 'latin1').toString('utf8').replace(NOT_SHOWN, ' ').trimEnd()
    this.#line = ''
    if (line === '' || this.#count > MAX_LINES) return
    this.#count++
    this.#tell(this.#count > MAX_LINES ? 'it wrote more to its standard error, which is left out' : line)
  }
}
