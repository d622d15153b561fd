/** Text as bytes in a string: each character is the byte of its number (latin-1). Paths and header values have this form. Pure. */

/** The bytes of UTF-8. */
export function bytesOf(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1')
}
