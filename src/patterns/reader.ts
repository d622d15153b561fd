/**
 * The source of a pattern, read byte by byte: nginx gives PCRE the bytes of its file, without UTF mode. So a character outside ASCII is several
 * items, and a quantifier behind it is for its last byte. Errors name a place in the text that was given.
 */
import { PatternError } from './pattern-error.ts'

export class Reader {
  /** One character for each byte. */
  readonly bytes: string
  at = 0

  constructor(source: string) {
    this.bytes = Buffer.from(source, 'utf8').toString('latin1')
  }

  get isAtEnd(): boolean {
    return this.at >= this.bytes.length
  }

  /** The next byte as a character; empty at the end. */
  get next(): string {
    return this.bytes.charAt(this.at)
  }

  sees(text: string): boolean {
    return this.bytes.startsWith(text, this.at)
  }

  /** Reads `text` if it comes next. */
  takes(text: string): boolean {
    if (!this.sees(text)) return false
    this.at += text.length
    return true
  }

  take(): string {
    return this.bytes.charAt(this.at++)
  }

  /** All bytes from here that `isPart` takes, `most` of them. */
  takeWhile(isPart: (character: string) => boolean, most = Number.POSITIVE_INFINITY): string {
    const start = this.at
    while (!this.isAtEnd && this.at - start < most && isPart(this.next)) this.at++
    return this.bytes.slice(start, this.at)
  }

  /** `at`: a byte of the source; where reading stands if it is left out. */
  error(message: string, at = this.at): PatternError {
    let start = Math.min(at, this.bytes.length)
    // A place within a character is that of the character.
    while (isContinuation(this.bytes.charCodeAt(start))) start--
    return new PatternError(message, Buffer.from(this.bytes.slice(0, start), 'latin1').toString('utf8').length)
  }
}

/** Of UTF-8: a byte of a character, but not its first. */
function isContinuation(byte: number): boolean {
  return byte >= 0x80 && byte < 0xc0
}
