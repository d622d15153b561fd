/**
 * SCGI (https://python.ca/scgi/protocol.txt): a request is a netstring of variables, then the content; the response is what a script of CGI writes,
 * and ends with the connection. Runs in the gateway, for each request; pure.
 *
 *     length ':' ( name 00 value 00 )* ',' content
 *
 * Invariants: CONTENT_LENGTH comes first, as the protocol wants it, and is the true length. A name or value with a NUL would be two: it is refused.
 */
import type { OutgoingHead } from '../request-head.ts'
import type { Dialect } from './dialect.ts'
import { ScriptReader } from './script-reader.ts'

export const scgi: Dialect = {
  reader: sink => new ScriptReader(sink, true),
  head: scgiHead,
  content: (_, piece) => piece,
  tail: () => '',
}

/** Of a character that is no byte only the low byte is written, which may be a NUL. */
const NOT_IN_TEXT = /[^\x01-\xff]/

/** `headers` are the variables; those that the protocol itself has are written here. */
export function scgiHead({ headers, contentLength }: OutgoingHead): string {
  let text = `CONTENT_LENGTH\0${contentLength!}\0SCGI\x001\0`
  for (let i = 0; i < headers.length; i += 2) {
    const [name, value] = [headers[i]!, headers[i + 1]!]
    if (name === 'CONTENT_LENGTH' || name === 'SCGI') continue
    if (NOT_IN_TEXT.test(name) || NOT_IN_TEXT.test(value))
      throw new Error(`the variable ${name} has a NUL, or a character that is no byte`)
    text += `${name}\0${value}\0`
  }
  return `${text.length}:${text},`
}
